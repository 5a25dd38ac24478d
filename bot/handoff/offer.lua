-- A counsellor offers a person to a colleague, and keeps them until the colleague accepts.
-- KEYS: 1 handoff (hash)  2 leases (zset)  3 shift (hash)  4 account of the colleague (hash)
-- ARGV: 1 login  2 colleague  3 now  4 lease s  5 prefix of handoff keys  6 note, sealed, then one
--       command
-- Returns ok, gone, off or full.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if (state ~= 'claimed' and state ~= 'active') or owner ~= ARGV[1] then return 'gone' end
if ARGV[2] == ARGV[1] then return 'gone' end
local why = no_room(ARGV[2], KEYS[3], KEYS[4], KEYS[2], ARGV[5], ARGV[3], ARGV[4])
if why then return why end
redis.call('HSET', KEYS[1], 'offered_to', ARGV[2], 'note', ARGV[6])
run(7)
return 'ok'

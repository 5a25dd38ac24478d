-- A person is offered to a colleague: whoever holds them keeps them until the colleague accepts;
-- who waits goes on waiting, and anybody may be quicker.
-- KEYS: 1 handoff (hash)  2 leases (zset)  3 shift (hash)  4 account of the colleague (hash)
--       5 taken by the colleague (set)  6 offers (set)
-- ARGV: 1 login of the holder ('' = they wait)  2 colleague  3 now  4 lease s
--       5 prefix of handoff keys  6 note, sealed ('' = none)  7 ttl  8 id, then one
--       command
-- Returns ok, gone, off or full.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not is_open(state) or (owner or '') ~= ARGV[1] then return 'gone' end
if ARGV[2] == ARGV[1] then return 'gone' end
local why = no_room(ARGV[2], KEYS[3], KEYS[4], KEYS[5], KEYS[2], ARGV[5], ARGV[3], ARGV[4])
if why then return why end
redis.call('HSET', KEYS[1], 'offered_to', ARGV[2])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'note', ARGV[6]) end
redis.call('SADD', KEYS[6], ARGV[8])
redis.call('EXPIRE', KEYS[6], ARGV[7])
run(9)
return 'ok'

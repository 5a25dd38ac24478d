-- A colleague accepts a person who was offered: from one hand to the other in one step.
-- KEYS: 1 handoff (hash)  2 leases (zset)  3 shift (hash)  4 account (hash)  5 handoff-of (string)
--       6 data key (string)  7 taken by the colleague (set)  8 session (string)
-- ARGV: 1 id  2 login  3 alias  4 now  5 lease s  6 ttl  7 prefix of handoff keys  8 ttl of handoff-of
--       and data key, then one command and what the person is told
-- Returns ok, own, gone, off or full.
local state, owner, offered =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by', 'offered_to'))
if not talking(state) then return 'gone' end
if owner == ARGV[2] then return 'own' end
if offered ~= ARGV[2] then return 'gone' end
local why = no_room(ARGV[2], KEYS[3], KEYS[4], KEYS[7], KEYS[2], ARGV[7], ARGV[4], ARGV[5])
if why then return why end
redis.call('ZADD', KEYS[2], tonumber(ARGV[4]) + tonumber(ARGV[5]), ARGV[1])
let_go(KEYS[1], owner, ARGV[1])
redis.call('SADD', KEYS[7], ARGV[1])
redis.call('HSET', KEYS[1], 'claimed_by', ARGV[2], 'claimed_as', ARGV[3], 'claimed_at', ARGV[4],
  'kept_open', '')
redis.call('HDEL', KEYS[1], 'offered_to', 'overdue')
for _, at in ipairs({1, 2, 7, 8}) do redis.call('EXPIRE', KEYS[at], ARGV[6]) end
for _, at in ipairs({5, 6}) do redis.call('EXPIRE', KEYS[at], ARGV[8]) end
tell(KEYS[1], run(9, 1))
return 'ok'

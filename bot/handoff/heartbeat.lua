-- A counsellor's page is alive: the leases it holds and its place on the shift are renewed.
-- KEYS: 1 leases (zset: id -> until)  2 shift (hash: login -> last seen)
--       3 taken by the counsellor (set)
-- ARGV: 1 login  2 now  3 lease s  4 ttl  5 prefix of handoff keys
-- Returns 1 when the counsellor is on shift.
-- First, for a Redis that is full: what has begun to write may go on (_HOLD in bot/inbox.py).
for _, at in ipairs({1, 3}) do redis.call('EXPIRE', KEYS[at], ARGV[4]) end
for _, id in ipairs(held_by(ARGV[1], KEYS[3], KEYS[1], ARGV[5])) do
  redis.call('ZADD', KEYS[1], tonumber(ARGV[2]) + tonumber(ARGV[3]), id)
end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1

-- A counsellor's page is alive: the leases it holds and its place on the shift are renewed.
-- KEYS: 1 leases (zset: id -> until)  2 shift (hash: login -> last seen)
-- ARGV: 1 login  2 now  3 lease s  4 ttl  5 prefix of handoff keys
-- Returns 1 when the counsellor is on shift.
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('HGET', ARGV[5] .. id, 'claimed_by') == ARGV[1] then
    redis.call('ZADD', KEYS[1], tonumber(ARGV[2]) + tonumber(ARGV[3]), id)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1

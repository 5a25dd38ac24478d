-- Released by its counsellor, or its lease lapsed: the person waits again, first of their level.
-- KEYS: 1 handoff (hash)  2 queue (zset)  3 leases (zset: id -> until)
-- ARGV: 1 id  2 login that releases ('' = only if the lease lapsed)  3 now  4 ttl, then commands
-- Returns ok or gone.
local state, owner, rank, asked =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by', 'rank', 'asked_at'))
if state ~= 'claimed' and state ~= 'active' then return 'gone' end
if ARGV[2] ~= '' then
  if owner ~= ARGV[2] then return 'gone' end
else
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if lease and tonumber(lease) > tonumber(ARGV[3]) then return 'gone' end
end
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'waiting', 'claimed_by', '', 'claimed_as', '',
  'claimed_at', '0', 'front', '1', 'left_by', ARGV[2])
redis.call('ZADD', KEYS[2], score(rank, asked, '1'), ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
run(5)
return 'ok'

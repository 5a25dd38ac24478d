-- A conversation ends: to wrap-up while the outcome is open, closed when it is known.
-- KEYS: 1 handoff-of (string: ids)  2 queue (zset)  3 leases (zset: id -> until)
--       4 data key (string)  5 session (string)  6 handoff (hash)  7 transcript (stream)
--       8 erased (string)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 id
--       4 login ('' = only if the lease lapsed in wrap-up)  5 now  6 outcome ('' = open)
--       7 retention s  8 ttl of handoff-of and data key  9 ttl, then what the person is told (not
--       again after wrap-up)
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[6], 'state', 'claimed_by'))
if state ~= 'claimed' and state ~= 'active' and state ~= 'wrap_up' then return 'gone' end
if ARGV[4] == '' then
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[3])
  if state ~= 'wrap_up' or (lease and tonumber(lease) > tonumber(ARGV[5])) then return 'gone' end
elseif owner ~= ARGV[4] then
  return 'gone'
end
redis.call('HDEL', KEYS[6], 'offered_to')
if state ~= 'wrap_up' then tell(KEYS[6], 10) end
local kept = tonumber(ARGV[7])
redis.call('EXPIRE', KEYS[7], kept)
if kept == 0 then redis.call('SET', KEYS[8], ARGV[5], 'EX', ARGV[9]) end
if ARGV[6] == '' and ARGV[4] ~= '' then
  redis.call('HSET', KEYS[6], 'state', 'wrap_up')
  -- Without retention the words go at once; the record stays until the outcome is known.
  kept = math.max(kept, 3600)
else
  redis.call('HSET', KEYS[6], 'state', 'closed', 'outcome', ARGV[6])
  redis.call('ZREM', KEYS[3], ARGV[3])
end
if kept == 0 then
  drop(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3])
  tidy(KEYS[5], KEYS[1], KEYS[4])
  return 'ok'
end
redis.call('EXPIRE', KEYS[6], kept)
-- As long as it is kept it can be read, and Leave must find it.
for _, at in ipairs({1, 4}) do redis.call('EXPIRE', KEYS[at], ARGV[8]) end
return 'ok'

-- A conversation ends: to wrap-up while the outcome is open, closed when it is known.
-- KEYS: 1 to 6 as for `drop` in common.lua  7 handoff (hash)  8 transcript (stream)
--       9 erased (string)  10 counts (hash)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 id
--       4 login ('' = only if the lease lapsed in wrap-up)  5 now  6 outcome ('' = open)
--       7 retention s  8 ttl of handoff-of and data key  9 ttl, then what the person is told (not
--       again after wrap-up)
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[7], 'state', 'claimed_by'))
if not talking(state) and state ~= 'wrap_up' then return 'gone' end
if ARGV[4] == '' then
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[3])
  if state ~= 'wrap_up' or (lease and tonumber(lease) > tonumber(ARGV[5])) then return 'gone' end
elseif owner ~= ARGV[4] then
  return 'gone'
end
redis.call('HDEL', KEYS[7], 'offered_to', 'overdue')
if state ~= 'wrap_up' then tell(KEYS[7], 10) end
local retention = tonumber(ARGV[7])
local kept = retention
-- The time runs since the talk ended, not anew since its outcome was noted.
if state == 'wrap_up' and kept > 0 then
  kept = math.max(1, math.min(kept, redis.call('TTL', KEYS[7])))
end
redis.call('EXPIRE', KEYS[8], kept)
if kept == 0 then redis.call('SET', KEYS[9], ARGV[5], 'EX', ARGV[9]) end
if ARGV[6] == '' and ARGV[4] ~= '' then
  redis.call('HSET', KEYS[7], 'state', 'wrap_up')
  -- Without retention the words go at once; the record stays until the outcome is known.
  kept = math.max(kept, 3600)
else
  over(KEYS[10], KEYS[7], ARGV[6] == '' and 'not_noted' or ARGV[6])
  redis.call('HSET', KEYS[7], 'state', 'closed', 'outcome', ARGV[6])
  redis.call('ZREM', KEYS[3], ARGV[3])
  if kept > 0 then
    redis.call('ZADD', KEYS[6], tonumber(ARGV[5]) - (retention - kept), ARGV[3])
    redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', tonumber(ARGV[5]) - retention)
    redis.call('EXPIRE', KEYS[6], retention)
  end
end
if kept == 0 then
  drop(ARGV[3])
  tidy()
  return 'ok'
end
redis.call('EXPIRE', KEYS[7], kept)
-- As long as it is kept it can be read, and Leave must find it.
for _, at in ipairs({1, 4}) do redis.call('EXPIRE', KEYS[at], ARGV[8]) end
return 'ok'

-- A conversation ends: to wrap-up while the outcome is open, closed when it is known.
-- KEYS: 1 handoff (hash)  2 handoff-of (string)  3 leases (zset: id -> until)
--       4 transcript (stream)  5 data key (string)
-- ARGV: 1 id  2 login ('' = only if the lease lapsed in wrap-up)  3 now  4 outcome ('' = open)
--       5 retention s, then what the person is told (not again after wrap-up)
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if state ~= 'claimed' and state ~= 'active' and state ~= 'wrap_up' then return 'gone' end
if ARGV[2] == '' then
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if state ~= 'wrap_up' or (lease and tonumber(lease) > tonumber(ARGV[3])) then return 'gone' end
elseif owner ~= ARGV[2] then
  return 'gone'
end
if ARGV[4] == '' and ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'state', 'wrap_up')
else
  redis.call('HSET', KEYS[1], 'state', 'closed', 'outcome', ARGV[4])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
redis.call('HDEL', KEYS[1], 'offered_to')
if state ~= 'wrap_up' then tell(KEYS[1], 6) end
-- Without retention the words go at once; the record stays until the outcome is known.
local kept = tonumber(ARGV[5])
redis.call('EXPIRE', KEYS[4], kept)
if redis.call('HGET', KEYS[1], 'state') == 'wrap_up' then kept = math.max(kept, 3600) end
redis.call('EXPIRE', KEYS[1], kept)
-- Who has asked again meanwhile has another open handoff: its end is not ours to set.
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('EXPIRE', KEYS[2], kept) end
-- The transcript can be read as long as it is kept, so its key must live as long.
local left = redis.call('TTL', KEYS[5])
if left >= 0 and left < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[5], ARGV[5]) end
return 'ok'

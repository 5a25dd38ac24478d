-- A conversation ends: to wrap-up while the outcome is open, closed when it is known.
-- KEYS: 1 handoff (hash)  2 handoff-of (string)  3 leases (zset: id -> until)
--       4 transcript (stream)  5 data key (string)
-- ARGV: 1 id  2 login ('' = only if the lease lapsed in wrap-up)  3 now  4 outcome ('' = open)
--       5 retention s, then commands that tell the person (not again after wrap-up)
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
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do redis.call('EXPIRE', key, ARGV[5]) end
-- The transcript can be read as long as it is kept, so its key must live as long.
local left = redis.call('TTL', KEYS[5])
if left >= 0 and left < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[5], ARGV[5]) end
if state ~= 'wrap_up' then run(6) end
return 'ok'

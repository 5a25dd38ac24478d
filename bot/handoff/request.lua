-- A person asks for a counsellor: makes a handoff, or keeps the open one and only raises it.
-- KEYS: 1 handoff-of (string: id)  2 handoff, the new one (hash)  3 queue (zset: id -> score)
--       4 leases (zset: id -> until)  5 data key (string)
-- ARGV: 1 prefix of handoff keys  2 new id  3 now  4 ttl  5 level  6 rules  7 data key, wrapped
--       8 number of handles, handles..., then field, value, ... of what may be renewed, then the
--       turn that asks
-- Returns the id of the open handoff; '' when the case is sealed with another key than the
-- conversation's, nil when the turn was overtaken.
if overtaken() then return false end
local made = redis.call('SET', KEYS[5], ARGV[7], 'NX', 'EX', ARGV[4])
if not made and redis.call('GET', KEYS[5]) ~= ARGV[7] then return '' end
local known = redis.call('GET', KEYS[1])
local key, id, fresh = KEYS[2], ARGV[2], true
local earlier = ''
if known then
  local state, before = unpack(redis.call('HMGET', ARGV[1] .. known, 'state', 'earlier'))
  if state == 'waiting' or state == 'claimed' or state == 'active' then
    key, id, fresh = ARGV[1] .. known, known, false
  elseif state then
    -- Closed but still kept: Leave must find it too.
    earlier = (before or '') .. ' ' .. known
  end
end

local handles = tonumber(ARGV[8])
redis.call('HSET', key, 'heard_at', ARGV[3], unpack(ARGV, 9 + handles, #ARGV - 4))

if fresh then
  local used = {}
  for _, set in ipairs({KEYS[3], KEYS[4]}) do
    for _, other in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      used[redis.call('HGET', ARGV[1] .. other, 'handle') or ''] = true
    end
  end
  local handle = ARGV[9]
  for at = 9, 8 + handles do
    if not used[ARGV[at]] then
      handle = ARGV[at]
      break
    end
  end
  redis.call('HSET', key, 'state', 'waiting', 'level', ARGV[5], 'rank', ARGV[5],
    'rules', ARGV[6], 'handle', handle, 'asked_at', ARGV[3], 'front', '0', 'earlier', earlier)
  redis.call('ZADD', KEYS[3], score(ARGV[5], ARGV[3], '0'), id)
  -- The place it joined at, so that a measured wait can be counted per place.
  redis.call('HSET', key, 'joined', redis.call('ZRANK', KEYS[3], id) + 1)
  redis.call('SET', KEYS[1], id)
else
  -- The rules as they are now: consent taken back takes them back too. The level never falls.
  redis.call('HSET', key, 'rules', ARGV[6])
  raise(key, KEYS[3], id, ARGV[5], ARGV[6])
end
for _, kept in ipairs({key, KEYS[1], KEYS[3], KEYS[5]}) do redis.call('EXPIRE', kept, ARGV[4]) end
return id

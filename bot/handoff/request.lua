-- A person asks for a counsellor: makes a handoff, or keeps the open one and only raises it.
-- KEYS: 1 handoff-of (string: ids, the latest last)  2 handoff, the new one (hash)  3 queue (zset: id -> score)
--       4 leases (zset: id -> until)  5 data key (string)
-- ARGV: 1 prefix of handoff keys  2 new id  3 now  4 ttl  5 level  6 rules  7 data key, wrapped
--       8 ttl of handoff-of and data key  9 number of handles, handles..., then field, value, ... of
--       what may be renewed, then the turn that asks
-- Returns the id of the open handoff; '' when the case is sealed with another key than the
-- conversation's, nil when the turn was overtaken.
if overtaken() then return false end
local made = redis.call('SET', KEYS[5], ARGV[7], 'NX', 'EX', ARGV[8])
if not made and redis.call('GET', KEYS[5]) ~= ARGV[7] then return '' end
local ids = known(KEYS[1], ARGV[1])
local key, id, fresh = KEYS[2], ARGV[2], true
if ids[1] then
  local state = redis.call('HGET', ARGV[1] .. ids[#ids], 'state')
  if state == 'waiting' or state == 'claimed' or state == 'active' then
    id, fresh = ids[#ids], false
    key = ARGV[1] .. id
  end
end

local handles = tonumber(ARGV[9])
redis.call('HSET', key, 'heard_at', ARGV[3], unpack(ARGV, 10 + handles, #ARGV - 4))

if fresh then
  local used = {}
  for _, set in ipairs({KEYS[3], KEYS[4]}) do
    for _, other in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      used[redis.call('HGET', ARGV[1] .. other, 'handle') or ''] = true
    end
  end
  local handle = ARGV[10]
  for at = 10, 9 + handles do
    if not used[ARGV[at]] then
      handle = ARGV[at]
      break
    end
  end
  redis.call('HSET', key, 'state', 'waiting', 'level', ARGV[5], 'rank', ARGV[5],
    'rules', ARGV[6], 'handle', handle, 'asked_at', ARGV[3], 'front', '0')
  redis.call('ZADD', KEYS[3], score(ARGV[5], ARGV[3], '0'), id)
  -- The place it joined at, so that a measured wait can be counted per place.
  redis.call('HSET', key, 'joined', redis.call('ZRANK', KEYS[3], id) + 1)
  ids[#ids + 1] = id
  -- With those that ended and are still kept: Leave must find them too.
  redis.call('SET', KEYS[1], table.concat(ids, ' '))
else
  -- The rules as they are now: consent taken back takes them back too. The level never falls.
  redis.call('HSET', key, 'rules', ARGV[6])
  raise(key, KEYS[3], id, ARGV[5], ARGV[6])
end
for _, kept in ipairs({key, KEYS[3]}) do redis.call('EXPIRE', kept, ARGV[4]) end
for _, kept in ipairs({KEYS[1], KEYS[5]}) do redis.call('EXPIRE', kept, ARGV[8]) end
return id

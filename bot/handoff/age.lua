-- Waiting makes GREEN and YELLOW rise, at most to ORANGE: RED is never overtaken, nobody starves.
-- What expired by itself is taken out of queue and leases.
-- KEYS: 1 queue (zset: id -> score)  2 leases (zset: id -> until)
-- ARGV: 1 prefix of handoff keys  2 now  3 seconds after which one rises by one level  4 ttl
--       5 seconds before its end that a handoff is looked at
-- Returns {ids that expired, ids that soon would}.
local expired, ending = {}, {}
local function soon(id, key)
  local left = redis.call('TTL', key)
  if left >= 0 and left < tonumber(ARGV[5]) then ending[#ending + 1] = id end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[1] .. id
  local level, rank, asked, front =
    unpack(redis.call('HMGET', key, 'level', 'rank', 'asked_at', 'front'))
  if not level then
    redis.call('ZREM', KEYS[1], id)
    expired[#expired + 1] = id
  else
    local steps = math.floor((tonumber(ARGV[2]) - tonumber(asked)) / tonumber(ARGV[3]))
    local risen = math.max(tonumber(level) - math.max(steps, 0), math.min(tonumber(level), 2))
    if risen < tonumber(rank) then
      redis.call('HSET', key, 'rank', risen)
      redis.call('ZADD', KEYS[1], score(risen, asked, front), id)
    end
    soon(id, key)
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local state = redis.call('HGET', ARGV[1] .. id, 'state')
  if not state then
    redis.call('ZREM', KEYS[2], id)
    expired[#expired + 1] = id
  elseif state ~= 'wrap_up' then
    soon(id, ARGV[1] .. id)
  end
end
-- They live as long as somebody is in them and the janitor works: a person whose own keys were
-- renewed must not vanish because nobody else asked for two days.
for _, set in ipairs(KEYS) do redis.call('EXPIRE', set, ARGV[4]) end
return {expired, ending}

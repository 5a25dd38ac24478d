-- Waiting makes GREEN and YELLOW rise, at most to ORANGE: RED is never overtaken, nobody starves.
-- What expired by itself is taken out of queue and leases.
-- KEYS: 1 queue (zset: id -> score)  2 leases (zset: id -> until)
-- ARGV: 1 prefix of handoff keys  2 now  3 seconds after which one rises by one level
-- Returns the ids of those.
local expired = {}
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
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then
    redis.call('ZREM', KEYS[2], id)
    expired[#expired + 1] = id
  end
end
return expired

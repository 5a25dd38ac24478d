-- Waiting makes GREEN and YELLOW rise, at most to ORANGE: RED is never overtaken, nobody starves.
-- What expired by itself is taken out of queue and leases, and nobody is offered any more to a
-- colleague who has gone: whoever holds them keeps them. Of the queue it looks at one part: Redis does
-- nothing else meanwhile. Who changes places with the next part is looked at the time after.
-- KEYS: 1 queue (zset: id -> score)  2 leases (zset: id -> until)  3 offers (set)
--       4 shift (hash: login -> last seen)  5 flagged (zset: id -> until)
-- ARGV: 1 prefix of handoff keys  2 now  3 seconds after which one rises by one level  4 ttl
--       5 seconds before its end that a handoff is looked at  6 lease s  7 first and 8 last place
--       of the part
-- Returns {ids that expired, ids that soon would, ids that are not offered any more,
-- ids whose flag is over, ids of people who were not told something yet}.
local expired, ending, withdrawn, unflagged, untold = {}, {}, {}, {}, {}
local function look(id, key, held)
  local left = redis.call('TTL', key)
  if left >= 0 and left < tonumber(ARGV[5]) then ending[#ending + 1] = id end
  if held then untold[#untold + 1] = id end
end
-- First those whose flag or hold is over: they stand in line again.
for _, id in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  local key = ARGV[1] .. id
  local state, flag, held = unpack(redis.call('HMGET', key, 'state', 'flagged', 'held'))
  if not flag then
    redis.call('ZREM', KEYS[5], id)
    if not state then expired[#expired + 1] = id end
  elseif tonumber(redis.call('ZSCORE', KEYS[5], id)) <= tonumber(ARGV[2]) then
    unflag(key, KEYS[1], KEYS[5], id, ARGV[2])
    unflagged[#unflagged + 1] = id
  elseif state == 'waiting' and not redis.call('ZSCORE', KEYS[1], id) then
    look(id, key, held)
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[7], ARGV[8])) do
  local key = ARGV[1] .. id
  local level, rank, asked, front, held =
    unpack(redis.call('HMGET', key, 'level', 'rank', 'asked_at', 'front', 'held'))
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
    look(id, key, held)
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local key = ARGV[1] .. id
  local state, held = unpack(redis.call('HMGET', key, 'state', 'held'))
  if not state then
    redis.call('ZREM', KEYS[2], id)
    expired[#expired + 1] = id
  elseif state ~= 'wrap_up' then
    look(id, key, held)
  elseif redis.call('TTL', key) < 600 then
    -- Nobody notes the outcome before it is gone: the next round ends and counts it.
    redis.call('ZADD', KEYS[2], 0, id)
  end
end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local key = ARGV[1] .. id
  local state, offered = unpack(redis.call('HMGET', key, 'state', 'offered_to'))
  if offered and not here(offered, KEYS[4], ARGV[2], ARGV[6]) then
    redis.call('HDEL', key, 'offered_to')
    -- As when they refuse (decline.lua).
    if state ~= 'waiting' then redis.call('HDEL', key, 'note') end
    withdrawn[#withdrawn + 1] = id
    offered = false
  end
  if not offered then redis.call('SREM', KEYS[3], id) end
end
-- They live as long as somebody is in them and the janitor works: a person whose own keys were
-- renewed must not vanish because nobody else asked for two days.
for _, at in ipairs({1, 2, 3, 5}) do redis.call('EXPIRE', KEYS[at], ARGV[4]) end
return {expired, ending, withdrawn, unflagged, untold}

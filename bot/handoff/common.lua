-- Put before every script of the queue (see scripts.py).

-- The queue's order: the level, then who asked first. Who was put back stands before all others
-- of the level (front = '1'): 1e10 s is longer than any date, and less than a level's 1e11.
local function score(rank, asked_at, front)
  local value = tonumber(rank) * 1e11 + tonumber(asked_at)
  if front == '1' then value = value - 1e10 end
  return string.format('%.3f', value)
end

-- Runs the commands in ARGV from `at` on: number of words, words..., and so on.
local function run(at)
  while at <= #ARGV do
    local words = tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, at + words))
    at = at + words + 1
  end
end

local function union(first, second)
  local seen, all = {}, {}
  for word in (first .. ' ' .. second):gmatch('%S+') do
    if not seen[word] then
      seen[word] = true
      all[#all + 1] = word
    end
  end
  return table.concat(all, ' ')
end

-- Raises a handoff (never lowers it) and gives it its new place if it waits.
local function raise(key, queue, id, level, rules)
  local now = redis.call('HMGET', key, 'level', 'rank', 'rules', 'state', 'asked_at', 'front')
  local raised = math.min(tonumber(now[1]), tonumber(level))
  local rank = math.min(tonumber(now[2]), raised)
  redis.call('HSET', key, 'level', raised, 'rank', rank, 'rules', union(now[3], rules))
  if now[4] == 'waiting' then redis.call('ZADD', queue, score(rank, now[5], now[6]), id) end
end

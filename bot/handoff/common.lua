-- Put before every script of the queue (see scripts.py).

-- The queue's order: the level, then who asked first. Who was put back stands before all others
-- of the level (front = '1'): 1e10 s is longer than any date, and less than a level's 1e11.
local function score(rank, asked_at, front)
  local value = tonumber(rank) * 1e11 + tonumber(asked_at)
  if front == '1' then value = value - 1e10 end
  return string.format('%.3f', value)
end

-- Runs the commands in ARGV from `at` on: number of words, words..., and so on; all of them, or
-- `count`. Returns where the rest begins.
local function run(at, count)
  while at <= #ARGV and count ~= 0 do
    local words = tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, at + words))
    at = at + words + 1
    if count then count = count - 1 end
  end
  return at
end

-- Tells the person something they did not ask for. ARGV from `at` on: 1 when it is their hour, what
-- to keep else, since when somebody who wrote is still there, then the commands that tell it.
-- What is kept is told when they write or their hour comes; of two such messages the newer counts.
-- No exception for RED: whoever reads along is most dangerous then.
local function tell(key, at)
  local heard = redis.call('HGET', key, 'heard_at')
  if ARGV[at] == '1' or tonumber(heard or '0') >= tonumber(ARGV[at + 2]) then
    redis.call('HDEL', key, 'held')
    run(at + 3)
  else
    redis.call('HSET', key, 'held', ARGV[at + 1])
  end
end

-- Whether a turn asks for this act that is not its worker's any more: it slept past its lease, or
-- another has finished the message. Done now, it would undo what came after. The last four of ARGV
-- name the turn: shard lease, token, inbox stream, entry ('' = no turn asks).
local function overtaken()
  local last = #ARGV
  if ARGV[last - 3] == '' then return false end
  return redis.call('GET', ARGV[last - 3]) ~= ARGV[last - 2]
    or #redis.call('XRANGE', ARGV[last - 1], ARGV[last], ARGV[last]) == 0
end

-- Whether a counsellor is on the shift and alive.
local function here(login, shift, now, lease)
  local seen = redis.call('HGET', shift, login)
  return seen and tonumber(seen) >= tonumber(now) - tonumber(lease)
end

-- Why a counsellor cannot have one more person, off or full; nil when they can.
local function no_room(login, shift, account, leases, handoffs, now, lease)
  if not here(login, shift, now, lease) then return 'off' end
  local held = 0
  for _, other in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    if redis.call('HGET', handoffs .. other, 'claimed_by') == login then held = held + 1 end
  end
  if held >= tonumber(redis.call('HGET', account, 'capacity') or '1') then return 'full' end
end

-- A person's handoffs that are still there: those that ended, and last the open one.
local function known(pointer, handoffs)
  local ids = {}
  for id in (redis.call('GET', pointer) or ''):gmatch('%S+') do
    if redis.call('EXISTS', handoffs .. id) == 1 then ids[#ids + 1] = id end
  end
  return ids
end

-- One handoff goes with everything about it; the person's others stay for their time.
local function drop(pointer, queue, leases, handoffs, transcripts, id)
  redis.call('DEL', handoffs .. id, transcripts .. id)
  redis.call('ZREM', queue, id)
  redis.call('ZREM', leases, id)
  local rest = known(pointer, handoffs)
  if #rest > 0 then
    redis.call('SET', pointer, table.concat(rest, ' '), 'KEEPTTL')
  else
    redis.call('DEL', pointer)
  end
end

-- Without session and handoffs nothing is sealed with the data key: leave no orphan.
local function tidy(session, pointer, key)
  if redis.call('EXISTS', session, pointer) == 0 then redis.call('DEL', key) end
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

-- Put before every script of the queue (see scripts.py).

-- KEEP of keys.py, and how long the counts of a month are kept there; seconds.
local KEEP, COUNTS_KEPT = 2 * 86400, 400 * 86400

-- WITH_COUNSELLOR and OPEN in record.py.
local function talking(state) return state == 'claimed' or state == 'active' end
local function is_open(state) return state == 'waiting' or talking(state) end

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

-- Whether the duress word was typed: somebody may be looking on, now or later (Handoff.forced).
local function forced(key)
  local rules, flags = unpack(redis.call('HMGET', key, 'rules', 'flags'))
  return (' ' .. (rules or '') .. ' ' .. (flags or '') .. ' '):find(' duress_word ', 1, true) ~= nil
end

-- Tells the person something they did not ask for. ARGV from `at` on: 1 when it is their hour, what
-- to keep else, since when somebody who wrote is still there, then the commands that tell it.
-- What is kept is told when they write or their hour comes; of two such messages the newer counts.
-- No exception for RED: whoever reads along is most dangerous then. Who was forced is told nothing, now or
-- later: that help comes would show that it was called.
local function tell(key, at)
  if forced(key) then return end
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

-- Somebody is with this counsellor no more; `key`: of the handoff, or the prefix of all.
local function let_go(key, login, id)
  redis.call('SREM', key:gsub('handoff:%x*$', 'taken:') .. login, id)
end

-- Whom a counsellor holds. `taken` (set) has those they took; whether they still hold one is said by
-- its lease and its record alone, and what is over is forgotten here at the latest.
local function held_by(login, taken, leases, handoffs)
  local held = {}
  for _, id in ipairs(redis.call('SMEMBERS', taken)) do
    if redis.call('ZSCORE', leases, id)
      and redis.call('HGET', handoffs .. id, 'claimed_by') == login then
      held[#held + 1] = id
    else
      redis.call('SREM', taken, id)
    end
  end
  return held
end

-- Why a counsellor cannot have one more person, off or full; nil when they can.
local function no_room(login, shift, account, taken, leases, handoffs, now, lease)
  if not here(login, shift, now, lease) then return 'off' end
  local room = tonumber(redis.call('HGET', account, 'capacity') or '1')
  if #held_by(login, taken, leases, handoffs) >= room then return 'full' end
end

-- A person's handoffs that are still there: those that ended, and last the open one.
local function known(pointer, handoffs)
  local ids = {}
  for id in (redis.call('GET', pointer) or ''):gmatch('%S+') do
    if redis.call('EXISTS', handoffs .. id) == 1 then ids[#ids + 1] = id end
  end
  return ids
end

-- For scripts by which something of a person goes; all of them begin with the same keys (_all_of in
-- acting.py). KEYS: 1 handoff-of (string: ids)  2 queue (zset)  3 leases (zset)  4 data key (string)
--                  5 session (string)  6 closed (zset: id -> when)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys

-- One handoff goes with everything about it; the person's others stay for their time.
local function drop(id)
  let_go(ARGV[1], redis.call('HGET', ARGV[1] .. id, 'claimed_by') or '', id)
  redis.call('DEL', ARGV[1] .. id, ARGV[2] .. id)
  for _, at in ipairs({2, 3, 6}) do redis.call('ZREM', KEYS[at], id) end
  local rest = known(KEYS[1], ARGV[1])
  if #rest > 0 then
    redis.call('SET', KEYS[1], table.concat(rest, ' '), 'KEEPTTL')
  else
    redis.call('DEL', KEYS[1])
  end
end

-- Without session and handoffs nothing is sealed with the data key: leave no orphan.
local function tidy()
  if redis.call('EXISTS', KEYS[5], KEYS[1]) == 0 then redis.call('DEL', KEYS[4]) end
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

-- Whether a supervisor holds the person of this flag (record.Flag as text; nothing for none).
local function on_hold(flag, now)
  local ends = (flag or ''):match('^%S+ (%S+) hold$')
  return ends and tonumber(ends) > tonumber(now)
end

-- Where somebody who waits stands: in line, or aside while a hold lasts. Whoever comes to stand aside
-- RED, or says so again (`danger`), is called out once (escalation.py): a supervisor decides.
local function stand(key, queue, id, now, danger)
  local flag, level, rank, asked, front =
    unpack(redis.call('HMGET', key, 'flagged', 'level', 'rank', 'asked_at', 'front'))
  if not on_hold(flag, now) then
    redis.call('ZADD', queue, score(rank, asked, front), id)
    -- Who comes back from a hold may be the only one in line.
    if redis.call('TTL', queue) < 0 then redis.call('EXPIRE', queue, KEEP) end
    return
  end
  redis.call('ZREM', queue, id)
  redis.call('HDEL', key, 'joined')  -- such a wait tells nothing about the others
  if danger and level == '1' and redis.call('HSETNX', key, 'alarm', now) == 1 then
    redis.call('HDEL', key, 'escalated')
  end
end

-- A flag is over: whoever stood aside stands in line, at their true age. With a hold no supervisor's
-- decision stands any more: whoever is RED is called out as anybody in line.
local function unflag(key, queue, flagged, id, now)
  if (redis.call('HGET', key, 'flagged') or ''):find(' hold$') then
    redis.call('HDEL', key, 'escalated')
  end
  redis.call('HDEL', key, 'flagged', 'alarm')
  redis.call('ZREM', flagged, id)
  if redis.call('HGET', key, 'state') == 'waiting' then stand(key, queue, id, now) end
end

-- Raises a handoff (never lowers it) and gives it its new place if it waits; `danger`: it was said
-- just now, whatever the level was before.
local function raise(key, queue, id, level, rules, now, danger)
  local before, rank, known_rules, state =
    unpack(redis.call('HMGET', key, 'level', 'rank', 'rules', 'state'))
  local raised = math.min(tonumber(before), tonumber(level))
  redis.call('HSET', key, 'level', raised, 'rank', math.min(tonumber(rank), raised),
    'rules', union(known_rules, rules))
  if state == 'waiting' then stand(key, queue, id, now, danger or raised < tonumber(before)) end
end

-- Adds one to each of these in the counts of the month (counts.py): never whose, or which together.
local function tally(counts, ...)
  for _, what in ipairs({...}) do redis.call('HINCRBY', counts, what, 1) end
  redis.call('EXPIRE', counts, COUNTS_KEPT)
end

-- Counts a handoff that is over now, in the step that ends it; to be called while it still stands.
local function over(counts, key, how)
  local level, language, known, waited =
    unpack(redis.call('HMGET', key, 'level', 'language', 'language_known', 'measured'))
  if not level then return end
  if known == '0' then language = '' end  -- what the assistant answered in
  local wait = 'never'
  if waited then
    wait = 'longer'
    for _, minutes in ipairs({120, 30, 5, 1}) do
      if tonumber(waited) <= 60 * minutes then wait = tostring(minutes) end
    end
  end
  tally(counts, 'level:' .. level, 'language:' .. (language or ''), 'wait:' .. wait, 'end:' .. how)
end

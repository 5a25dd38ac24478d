-- A person asks for a counsellor: makes a handoff, or keeps the open one and only raises it.
-- KEYS: 1 handoff-of (string: ids, the latest last)  2 handoff, the new one (hash)  3 queue (zset: id -> score)
--       4 handles given (string: number)  5 data key (string)  6 counts (hash)  7 flag (string)
--       8 flagged (zset: id -> until)
-- ARGV: 1 prefix of handoff keys  2 new id  3 now  4 ttl  5 level  6 rules  7 data key, wrapped
--       8 ttl of handoff-of and data key  9 day of the month  10 what handles are made of
--       11 id of the one handoff that is to be renewed, '' for whichever is open or a new one, then
--       field, value, ... of what may be renewed, then the turn that asks
-- Returns the id of the open handoff; '' when the case is sealed with another key than the
-- conversation's, nil when the turn was overtaken.
if overtaken() then return false end
local ids = known(KEYS[1], ARGV[1])
local key, id, fresh = KEYS[2], ARGV[2], true
if ids[1] then
  if is_open(redis.call('HGET', ARGV[1] .. ids[#ids], 'state')) then
    id, fresh = ids[#ids], false
    key = ARGV[1] .. id
  end
end
if ARGV[11] ~= '' and id ~= ARGV[11] then return ARGV[11] end  -- over: nobody has asked again
redis.call('DEL', KEYS[2])  -- nothing: for a Redis that is full (_HOLD in bot/inbox.py)
local made = redis.call('SET', KEYS[5], ARGV[7], 'NX', 'EX', ARGV[8])
if not made and redis.call('GET', KEYS[5]) ~= ARGV[7] then return '' end

redis.call('HSET', key, 'heard_at', ARGV[3], unpack(ARGV, 12, #ARGV - 4))

if fresh then
  -- Names and numbers are counted through side by side. As 989 and how many names there are have no
  -- divisor in common, a handle comes again only after all others: long after its person has gone.
  local names = {}
  for name in ARGV[10]:gmatch('%S+') do names[#names + 1] = name end
  local given = redis.call('INCR', KEYS[4])
  local handle = names[given % #names + 1] .. ' ' .. (10 + given * 382 % 989)
  redis.call('HSET', key, 'state', 'waiting', 'level', ARGV[5], 'rank', ARGV[5],
    'rules', ARGV[6], 'handle', handle, 'asked_at', ARGV[3], 'front', '0')
  local flag = redis.call('GET', KEYS[7])
  local ends = flag and flag:match('^%S+ (%S+)')
  if ends and tonumber(ends) > tonumber(ARGV[3]) then
    redis.call('HSET', key, 'flagged', flag)
    redis.call('ZADD', KEYS[8], ends, id)
    redis.call('EXPIRE', KEYS[8], ARGV[4])
  end
  stand(key, KEYS[3], id, ARGV[3], true)
  -- The place it joined at, so that a measured wait can be counted per place.
  local place = redis.call('ZRANK', KEYS[3], id)
  if place then redis.call('HSET', key, 'joined', place + 1) end
  ids[#ids + 1] = id
  -- With those that ended and are still kept: Leave must find them too.
  redis.call('SET', KEYS[1], table.concat(ids, ' '))
  tally(KEYS[6], 'day:' .. ARGV[9])
else
  -- The rules as they are now: consent taken back takes them back too. The level never falls.
  -- But for what staff have said (RULE in console/raising.py).
  local rules, before = ARGV[6], redis.call('HGET', key, 'rules') or ''
  if (' ' .. before .. ' '):find(' counsellor_raised ', 1, true) then
    rules = union(rules, 'counsellor_raised')
  end
  redis.call('HSET', key, 'rules', rules)
  raise(key, KEYS[3], id, ARGV[5], rules, ARGV[3])
end
-- What was kept from before is not told either (`tell`).
if forced(key) then redis.call('HDEL', key, 'held') end
for _, kept in ipairs({key, KEYS[3], KEYS[4]}) do redis.call('EXPIRE', kept, ARGV[4]) end
for _, kept in ipairs({KEYS[1], KEYS[5]}) do redis.call('EXPIRE', kept, ARGV[8]) end
return id

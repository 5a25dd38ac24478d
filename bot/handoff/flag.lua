-- Flags a person, or holds them back from the line; a hold is renewed, or made of a flag, by another.
-- KEYS: 1 handoff (hash)  2 handoff-of (string: ids)  3 queue (zset)  4 flagged (zset: id -> until)
--       5 flag (string)
-- ARGV: 1 prefix of handoff keys  2 login of the holder who flags ('' = a supervisor does)  3 now
--       4 flag, as text  5 until  6 ttl of the flag  7 whether it is a hold, 1 or ''  8 ttl of flagged
--       9 level and alarm that whoever holds has seen, as record.Handoff.seen ('' = whatever they are)
-- Returns ok, gone, held (a flag does not end a supervisor's hold), other (where somebody else may be
-- writing nobody is held), or moved (they are in other danger than was seen).
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not state then return 'gone' end
if ARGV[2] ~= '' and (owner ~= ARGV[2] or state == 'closed') then return 'gone' end
local standing = redis.call('GET', KEYS[5])
if ARGV[7] == '' then
  if on_hold(standing, ARGV[3]) then return 'held' end
else
  local ends = (standing or ''):match('^someone_else (%S+)')
  if ends and tonumber(ends) > tonumber(ARGV[3]) then return 'other' end
  local level, alarm = unpack(redis.call('HMGET', KEYS[1], 'level', 'alarm'))
  local seen = string.format('%d %.3f', level, tonumber(alarm or '0'))
  if ARGV[9] ~= '' and seen ~= ARGV[9] then return 'moved' end
end
redis.call('SET', KEYS[5], ARGV[4], 'EX', ARGV[6])
for _, id in ipairs(known(KEYS[2], ARGV[1])) do
  local key = ARGV[1] .. id
  redis.call('HSET', key, 'flagged', ARGV[4])
  redis.call('HDEL', key, 'alarm')  -- whoever holds somebody has decided about it
  redis.call('ZADD', KEYS[4], ARGV[5], id)
  if redis.call('HGET', key, 'state') == 'waiting' then
    -- Whom a supervisor holds back, nobody has them by an offer from before.
    if ARGV[7] ~= '' then redis.call('HDEL', key, 'offered_to') end
    stand(key, KEYS[3], id, ARGV[3])
  end
end
redis.call('EXPIRE', KEYS[4], ARGV[8])
return 'ok'

-- Flags a person, or holds them back from the line; a hold is renewed, or made of a flag, by another.
-- KEYS: 1 handoff (hash)  2 handoff-of (string: ids)  3 queue (zset)  4 flagged (zset: id -> until)
--       5 flag (string)
-- ARGV: 1 prefix of handoff keys  2 login of the holder who flags ('' = a supervisor does)  3 now
--       4 flag, as text  5 until  6 ttl of the flag  7 whether it is a hold, 1 or ''  8 ttl of flagged
-- Returns ok, gone, or held: a flag does not end a supervisor's hold.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not state then return 'gone' end
if ARGV[2] ~= '' and owner ~= ARGV[2] then return 'gone' end
if ARGV[7] == '' and on_hold(redis.call('GET', KEYS[5]), ARGV[3]) then return 'held' end
redis.call('SET', KEYS[5], ARGV[4], 'EX', ARGV[6])
for _, id in ipairs(known(KEYS[2], ARGV[1])) do
  local key = ARGV[1] .. id
  redis.call('HSET', key, 'flagged', ARGV[4])
  redis.call('HDEL', key, 'alarm')  -- whoever holds somebody has decided about it
  redis.call('ZADD', KEYS[4], ARGV[5], id)
  if redis.call('HGET', key, 'state') == 'waiting' then stand(key, KEYS[3], id, ARGV[3]) end
end
redis.call('EXPIRE', KEYS[4], ARGV[8])
return 'ok'

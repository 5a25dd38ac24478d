-- The counsellor's private note on a person, in place of the one until now.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login  2 note, sealed ('' = none)
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not state or state == 'closed' or owner ~= ARGV[1] then return 'gone' end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'private')
else
  redis.call('HSET', KEYS[1], 'private', ARGV[2])
end
return 'ok'

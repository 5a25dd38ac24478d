-- A counsellor writes: transcript and way out in one step, and only while the claim holds.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login  2 ttl, then commands
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if (state ~= 'claimed' and state ~= 'active') or owner ~= ARGV[1] then return 'gone' end
redis.call('HSET', KEYS[1], 'state', 'active')
redis.call('EXPIRE', KEYS[1], ARGV[2])
run(3)
return 'ok'

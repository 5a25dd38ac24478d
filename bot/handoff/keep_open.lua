-- The counsellor decides whether a silent conversation may end by itself.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login  2 '1' to keep it open, '' not to, then one command
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not talking(state) or owner ~= ARGV[1] then return 'gone' end
redis.call('HSET', KEYS[1], 'kept_open', ARGV[2])
run(3)
return 'ok'

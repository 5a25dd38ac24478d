-- The service has closed: somebody who waits is told, once in each closing, and again when it opens
-- at another hour.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 name of the closing, then what the person is told
-- Returns ok or gone.
local state, told = unpack(redis.call('HMGET', KEYS[1], 'state', 'closing'))
if state ~= 'waiting' or told == ARGV[1] then return 'gone' end
redis.call('HSET', KEYS[1], 'closing', ARGV[1])
tell(KEYS[1], 2)
return 'ok'

-- What was kept from a person is told now that their hour has come.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 what was kept, then the commands that tell it
-- Returns ok or gone.
if redis.call('HGET', KEYS[1], 'held') ~= ARGV[1] then return 'gone' end
redis.call('HDEL', KEYS[1], 'held')
run(2)
return 'ok'

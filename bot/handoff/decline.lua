-- An offer is refused by the colleague or taken back by the counsellor, who keeps the person.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login, then one command
-- Returns ok or gone.
local owner, offered = unpack(redis.call('HMGET', KEYS[1], 'claimed_by', 'offered_to'))
if not offered or (offered ~= ARGV[1] and owner ~= ARGV[1]) then return 'gone' end
redis.call('HDEL', KEYS[1], 'offered_to', 'note')
run(2)
return 'ok'

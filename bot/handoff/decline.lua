-- An offer is refused by the colleague or taken back; whoever holds the person keeps them.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login, then one command
-- Returns ok or gone.
local state, owner, offered =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by', 'offered_to'))
if not offered or (offered ~= ARGV[1] and owner ~= ARGV[1]) then return 'gone' end
redis.call('HDEL', KEYS[1], 'offered_to')
-- The note came with the offer; that of somebody who waits is of who had them before.
if state ~= 'waiting' then redis.call('HDEL', KEYS[1], 'note') end
run(2)
return 'ok'

-- The person left: everything the queue holds about them goes, in whatever state it is.
-- KEYS: 1 handoff-of (string: id)  2 queue (zset)  3 leases (zset)  4 data key (string)
--       5 session (string)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys, then the turn that asks
-- Returns the ids that are gone; nil when the turn was overtaken.
if overtaken() then return false end
local gone = forget(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2])
-- Without a session nothing else is sealed with the data key: leave no orphan.
if redis.call('EXISTS', KEYS[5]) == 0 then redis.call('DEL', KEYS[4]) end
return gone

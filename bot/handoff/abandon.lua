-- The person left: everything the queue holds about them goes, in whatever state it is.
-- KEYS: 1 handoff-of (string: id)  2 queue (zset)  3 leases (zset)  4 data key (string)
--       5 session (string)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys
-- Returns the ids that are gone.
local id = redis.call('GET', KEYS[1])
local gone = {}
if id then
  local earlier = redis.call('HGET', ARGV[1] .. id, 'earlier') or ''
  for old in (earlier .. ' ' .. id):gmatch('%S+') do
    redis.call('DEL', ARGV[1] .. old, ARGV[2] .. old)
    redis.call('ZREM', KEYS[2], old)
    redis.call('ZREM', KEYS[3], old)
    gone[#gone + 1] = old
  end
end
redis.call('DEL', KEYS[1])
-- Without a session nothing else is sealed with the data key: leave no orphan.
if redis.call('EXISTS', KEYS[5]) == 0 then redis.call('DEL', KEYS[4]) end
return gone

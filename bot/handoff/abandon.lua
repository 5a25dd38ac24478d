-- The person left: everything the queue holds about them goes, in whatever state it is. Or they only
-- stop waiting: the open one goes, those that ended stay for their time.
-- KEYS: 1 handoff-of (string: ids)  2 queue (zset)  3 leases (zset)  4 data key (string)
--       5 session (string)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 all or open, then the turn that asks
-- Returns the ids that are gone; nil when the turn was overtaken.
if overtaken() then return false end
local gone = {}
for id in (redis.call('GET', KEYS[1]) or ''):gmatch('%S+') do gone[#gone + 1] = id end
if ARGV[3] == 'open' then
  local last = gone[#gone]
  local state = last and redis.call('HGET', ARGV[1] .. last, 'state')
  local open = state == 'waiting' or state == 'claimed' or state == 'active'
  gone = {open and last or nil}
end
for _, id in ipairs(gone) do drop(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], id) end
tidy(KEYS[5], KEYS[1], KEYS[4])
return gone

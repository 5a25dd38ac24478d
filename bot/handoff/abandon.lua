-- The person left: everything the queue holds about them goes, in whatever state it is. Or they only
-- stop waiting: the open one goes, those that ended stay for their time.
-- KEYS: 1 to 6 as for `drop` in common.lua  7 counts (hash)  8 flag (string)  9 flagged (zset)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 all, open, or silence: all, because
--       nobody wrote any more; then the turn that asks
-- Returns the ids that are gone; nil when the turn was overtaken.
if overtaken() then return false end
local gone = {}
for id in (redis.call('GET', KEYS[1]) or ''):gmatch('%S+') do gone[#gone + 1] = id end
if ARGV[3] == 'open' then
  local last = gone[#gone]
  local state = last and redis.call('HGET', ARGV[1] .. last, 'state')
  gone = {is_open(state) and last or nil}
end
local left_talk = ARGV[3] == 'silence' and 'silence' or 'left_talk'
local ways =
  {waiting = 'left_waiting', claimed = left_talk, active = left_talk, wrap_up = 'not_noted'}
for _, id in ipairs(gone) do
  local how = ways[redis.call('HGET', ARGV[1] .. id, 'state') or '']  -- closed: counted already
  if how then over(KEYS[7], ARGV[1] .. id, how) end
  drop(id)
  redis.call('ZREM', KEYS[9], id)
end
-- Who leaves leaves nothing; a flag outlives silence, or falling silent would be enough to lose it.
if ARGV[3] == 'all' then redis.call('DEL', KEYS[8]) end
tidy()
return gone

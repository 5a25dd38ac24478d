-- Raises the open handoff of a person, if there is one.
-- KEYS: 1 handoff-of (string: ids)  2 queue (zset: id -> score)
-- ARGV: 1 prefix of handoff keys  2 level  3 rules  4 now, then the turn that asks
-- Returns the id, or '' when nothing is open; nil when the turn was overtaken.
if overtaken() then return false end
local ids = known(KEYS[1], ARGV[1])
local id = ids[#ids]
if not id then return '' end
local state = redis.call('HGET', ARGV[1] .. id, 'state')
if not is_open(state) then return '' end
redis.call('ZREM', KEYS[2], '')  -- nothing: for a Redis that is full (_HOLD in bot/inbox.py)
raise(ARGV[1] .. id, KEYS[2], id, ARGV[2], ARGV[3], ARGV[4], true)
return id

-- A counsellor writes: transcript and way out in one step, and only while the claim holds.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 login  2 ttl  3 mark of this press ('' = none), then one command for when this answer was
--       overdue, then commands
-- Returns ok, gone, or again: what has this mark was sent before.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not talking(state) or owner ~= ARGV[1] then return 'gone' end
if ARGV[3] ~= '' then
  local sent = redis.call('HGET', KEYS[1], 'sent') or ''
  if sent:find(ARGV[3], 1, true) then return 'again' end
  redis.call('HSET', KEYS[1], 'sent', (ARGV[3] .. ' ' .. sent):sub(1, 1000))
end
redis.call('HSET', KEYS[1], 'state', 'active')
redis.call('EXPIRE', KEYS[1], ARGV[2])
local at = 5 + ARGV[4]
if redis.call('HDEL', KEYS[1], 'overdue') == 1 then run(4, 1) end
run(at)
return 'ok'

-- A flag or hold ends before its time: whoever waits aside is in line again, at their true age.
-- KEYS: 1 handoff (hash)  2 handoff-of (string: ids)  3 queue (zset)  4 flagged (zset: id -> until)
--       5 flag (string)
-- ARGV: 1 prefix of handoff keys  2 login of the holder, who lifts flags only ('' = a supervisor does)
--       3 now
-- Returns ok, gone or held.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not state then return 'gone' end
if ARGV[2] ~= '' then
  if owner ~= ARGV[2] or state == 'closed' then return 'gone' end
  if on_hold(redis.call('GET', KEYS[5]), ARGV[3]) then return 'held' end
end
redis.call('DEL', KEYS[5])
for _, id in ipairs(known(KEYS[2], ARGV[1])) do
  unflag(ARGV[1] .. id, KEYS[3], KEYS[4], id, ARGV[3])
end
return 'ok'

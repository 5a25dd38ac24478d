-- A counsellor has owed somebody RED an answer for too long: one call goes out, once until they write
-- or somebody else has them. The person is told nothing: the counsellor may be typing, or on the phone.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 call  2 claimed_at and 3 spoken_at as they were read: after another claim, or an answer, none
--       is due, then commands
-- Returns ok or gone.
local state, level, claimed, spoken, made =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'level', 'claimed_at', 'spoken_at', 'overdue'))
if not talking(state) or level ~= '1' then return 'gone' end
if tonumber(claimed) ~= tonumber(ARGV[2]) or tonumber(spoken or '0') ~= tonumber(ARGV[3]) then
  return 'gone'
end
made = made or ''
if (' ' .. made .. ' '):find(' ' .. ARGV[1] .. ' ', 1, true) then return 'gone' end
redis.call('HSET', KEYS[1], 'overdue', union(made, ARGV[1]))
run(4)
return 'ok'

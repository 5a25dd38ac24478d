-- Nobody has come to somebody RED: one call goes out, once until a counsellor comes.
-- Whoever is lost again is called out again; so is who comes out of a hold, or says danger on it.
-- KEYS: 1 handoff (hash)
-- ARGV: 1 call  2 now  3 seconds of waiting after which it is made  4 since: asked (the first
--       request, or on hold the alarm) or alone (also not since a counsellor was last there)  5 number of commands, those
--       commands, then perhaps what the person is told
-- Returns ok or gone.
local state, level, asked, left, made, alarm =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'level', 'asked_at', 'left_at', 'escalated', 'alarm'))
if state ~= 'waiting' or level ~= '1' then return 'gone' end
made = made or ''
if (' ' .. made .. ' '):find(' ' .. ARGV[1] .. ' ', 1, true) then return 'gone' end
local since = tonumber(alarm or asked)
if ARGV[4] == 'alone' then since = math.max(since, tonumber(left or '0')) end
if tonumber(ARGV[2]) - since < tonumber(ARGV[3]) then return 'gone' end
redis.call('HSET', KEYS[1], 'escalated', union(made, ARGV[1]))
local at = run(6, tonumber(ARGV[5]))
if ARGV[at] then tell(KEYS[1], at) end
return 'ok'

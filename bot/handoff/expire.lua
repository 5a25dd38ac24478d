-- Nobody wrote for as long as anything is kept: the handoff ends, and the person is told while their
-- address is still known.
-- KEYS: 1 to 6 as for `drop` in common.lua  7 handoff (hash)  8 counts (hash)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 id  4 only if it ends within, s,
--       then what the person is told
-- Returns ok or gone.
local left = redis.call('TTL', KEYS[7])
local ids = known(KEYS[1], ARGV[1])
if ids[#ids] ~= ARGV[3] or left < 0 or left >= tonumber(ARGV[4]) then return 'gone' end
tell(KEYS[7], 5)
over(KEYS[8], KEYS[7], 'expired')
drop(ARGV[3])
tidy()
return 'ok'

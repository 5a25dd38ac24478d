-- Nobody wrote for as long as anything is kept: the handoff ends, and the person is told while their
-- address is still known.
-- KEYS: 1 handoff-of (string: ids)  2 queue (zset)  3 leases (zset)  4 data key (string)
--       5 session (string)  6 handoff (hash)
-- ARGV: 1 prefix of handoff keys  2 prefix of transcript keys  3 id  4 only if it ends within, s,
--       then what the person is told
-- Returns ok or gone.
local left = redis.call('TTL', KEYS[6])
local ids = known(KEYS[1], ARGV[1])
if ids[#ids] ~= ARGV[3] or left < 0 or left >= tonumber(ARGV[4]) then return 'gone' end
tell(KEYS[6], 5)
drop(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3])
tidy(KEYS[5], KEYS[1], KEYS[4])
return 'ok'

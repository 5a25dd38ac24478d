-- Released or passed on by its counsellor, or its lease lapsed: the person waits again, first of their
-- level (or aside, while they are on hold).
-- KEYS: 1 handoff (hash)  2 queue (zset)  3 leases (zset: id -> until)
-- ARGV: 1 id  2 login that gives back ('' = only if the lease lapsed)  3 now  4 ttl
--       5 note for the next counsellor, sealed ('' = none), then one command and what the person
--       is told
-- Returns ok or gone.
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by'))
if not talking(state) then return 'gone' end
if ARGV[2] ~= '' then
  if owner ~= ARGV[2] then return 'gone' end
else
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if lease and tonumber(lease) > tonumber(ARGV[3]) then return 'gone' end
end
redis.call('ZREM', KEYS[3], ARGV[1])
let_go(KEYS[1], owner, ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'waiting', 'claimed_by', '', 'claimed_as', '',
  'claimed_at', '0', 'front', '1', 'left_by', ARGV[2], 'left_at', ARGV[3])
redis.call('HDEL', KEYS[1], 'offered_to', 'overdue')
-- Whoever comes next has not asked for the code word.
if redis.call('HGET', KEYS[1], 'word_check') == 'asked' then
  redis.call('HDEL', KEYS[1], 'word_check')
end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'note', ARGV[5]) end
stand(KEYS[1], KEYS[2], ARGV[1], ARGV[3], true)
redis.call('EXPIRE', KEYS[2], ARGV[4])
tell(KEYS[1], run(6, 1))
return 'ok'

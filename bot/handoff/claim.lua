-- A counsellor takes a waiting person; of two at once exactly one wins.
-- KEYS: 1 handoff (hash)  2 queue (zset)  3 leases (zset: id -> until)
--       4 shift (hash: login -> last seen)  5 waits (list: seconds per place)  6 account (hash)
--       7 handoff-of (string)  8 data key (string)  9 taken by the counsellor (set)
--       10 session (string)
-- ARGV: 1 id  2 login  3 alias  4 now  5 lease s  6 ttl  7 prefix of handoff keys  8 ttl of handoff-of
--       and data key, then one command and what the person is told
-- Returns {verdict, holder}: ok, own, taken, gone, off, full.
local state, owner, alias, asked, joined, measured =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'claimed_by', 'claimed_as', 'asked_at', 'joined',
    'measured'))
if talking(state) then
  if owner == ARGV[2] then return {'own', alias} end
  return {'taken', alias}
end
if state ~= 'waiting' then return {'gone', ''} end

local now, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local why = no_room(ARGV[2], KEYS[4], KEYS[6], KEYS[9], KEYS[3], ARGV[7], now, lease)
if why then return {why, ''} end

redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now + lease, ARGV[1])
redis.call('SADD', KEYS[9], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'claimed', 'claimed_by', ARGV[2], 'claimed_as', ARGV[3],
  'claimed_at', ARGV[4], 'front', '0', 'left_by', '', 'kept_open', '')
-- Nobody is there again if they are lost: calls for help and the closing are told anew then.
redis.call('HDEL', KEYS[1], 'offered_to', 'alarm', 'escalated', 'closing')
-- Together: without the second the person would be with nobody, without the third nothing readable,
-- without the last nobody would know when the person may be written to.
for _, at in ipairs({1, 3, 9, 10}) do redis.call('EXPIRE', KEYS[at], ARGV[6]) end
for _, at in ipairs({7, 8}) do redis.call('EXPIRE', KEYS[at], ARGV[8]) end
if not measured then  -- the first who came: how long that took is counted once
  redis.call('HSET', KEYS[1], 'measured', string.format('%.0f', now - tonumber(asked)))
  if joined then
    redis.call('LPUSH', KEYS[5], string.format('%.1f', (now - tonumber(asked)) / tonumber(joined)))
    redis.call('LTRIM', KEYS[5], 0, 49)
  end
end
tell(KEYS[1], run(9, 1))
return {'ok', ''}

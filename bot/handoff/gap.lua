-- A round of the janitor begins. If the last one is longer ago than pages are silent between two signs
-- of life (Redis was away, the machine slept, the clock was moved), nobody could be heard meanwhile:
-- whoever was there has one lease, from now on, to be heard again.
-- KEYS: 1 last round (string)  2 leases (zset: id -> until)  3 shift (hash: login -> last seen)
-- ARGV: 1 now  2 lease s  3 ttl
local now, lease = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])  -- for a Redis that is full (_HOLD in bot/inbox.py)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
-- A page shows three signs of life in a lease (console/static/heartbeat.js).
if not last or math.abs(now - tonumber(last)) <= lease / 3 then return end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  redis.call('ZADD', KEYS[2], now + lease, id)
end
for _, login in ipairs(redis.call('HKEYS', KEYS[3])) do redis.call('HSET', KEYS[3], login, ARGV[1]) end

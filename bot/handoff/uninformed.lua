-- Who of a part of the queue was not told of this closing. Changes nothing.
-- KEYS: 1 queue (zset: id -> score)
-- ARGV: 1 prefix of handoff keys  2 name of the closing  3 first and 4 last place of the part
-- Returns ids.
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[3], ARGV[4])) do
  if redis.call('HGET', ARGV[1] .. id, 'closing') ~= ARGV[2] then found[#found + 1] = id end
end
return found

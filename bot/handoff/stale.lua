-- Takes off the shift whose page fell silent.
-- KEYS: 1 shift (hash: login -> last seen)
-- ARGV: 1 the oldest sign of life that counts, epoch seconds
-- Returns their logins.
local gone, rows = {}, redis.call('HGETALL', KEYS[1])
for at = 1, #rows, 2 do
  if tonumber(rows[at + 1]) < tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[1], rows[at])
    gone[#gone + 1] = rows[at]
  end
end
return gone

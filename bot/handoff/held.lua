-- Everybody who is with somebody, as far as all of them are looked at.
-- KEYS: 1 leases (zset: id -> until)
-- ARGV: 1 prefix of handoff keys
-- Returns for each: id, when the lease ends, login of the holder, whom they are offered to, level, the
-- calls that went out because they get no answer.
local found, rows = {}, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 1, #rows, 2 do
  local by, to, level, overdue =
    unpack(redis.call('HMGET', ARGV[1] .. rows[at], 'claimed_by', 'offered_to', 'level', 'overdue'))
  if level then
    found[#found + 1] = {rows[at], rows[at + 1], by or '', to or '', level, overdue or ''}
  end
end
return found

-- Add records after the newest; return the new length.
--
-- ARGV[2]     TTL of the session in ms; 0: keep it
-- ARGV[3...]  records, oldest first

-- Lua's stack holds about 8,000 values, so a long batch is pushed in chunks. If a chunk fails because the
-- list would exceed a limit, the chunks before it are undone.
local length, pushed = 0, 0
for first = 3, #ARGV, 4000 do
  local last = math.min(first + 3999, #ARGV)
  length = redis.pcall('LPUSH', KEYS[1], unpack(ARGV, first, last))
  if type(length) == 'table' then
    if pushed > 0 then redis.call('LTRIM', KEYS[1], pushed, -1) end
    return length
  end
  pushed = last - 2
end
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return once(length)

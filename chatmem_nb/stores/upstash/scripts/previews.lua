-- For each list in KEYS: {length, remaining TTL in ms, start of the first record, start and end of the newest};
-- {0} for anything else. ARGV: bytes of a start, of an end; no character is split.
-- The first record is the second oldest if the oldest is a system message.
local function follows(record, place)
  local byte = string.byte(record, place)
  return byte and byte >= 128 and byte < 192
end
local function head(record)
  local stop = tonumber(ARGV[1])
  if #record <= stop then return record end
  while stop > 0 and follows(record, stop + 1) do stop = stop - 1 end
  return string.sub(record, 1, stop)
end
local function tail(record)
  local start = math.max(1, #record - tonumber(ARGV[2]) + 1)
  while follows(record, start) do start = start + 1 end
  return string.sub(record, start)
end
local rows = {}
for k, key in ipairs(KEYS) do
  if redis.call('TYPE', key)['ok'] == 'list' then
    local first = redis.call('LINDEX', key, -1)
    if string.find(first, '^%s*{%s*"type"%s*:%s*"system"') then
      first = redis.call('LINDEX', key, -2) or first
    end
    local last = redis.call('LINDEX', key, 0)
    rows[k] = {redis.call('LLEN', key), redis.call('PTTL', key), head(first), head(last), tail(last)}
  else
    rows[k] = {0}
  end
end
return rows

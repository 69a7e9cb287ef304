-- For each list in KEYS: {length, remaining TTL in ms, oldest record, newest record}; {0} for anything else.
local rows = {}
for k, key in ipairs(KEYS) do
  if redis.call('TYPE', key)['ok'] == 'list' then
    rows[k] = {redis.call('LLEN', key), redis.call('PTTL', key),
               redis.call('LINDEX', key, -1), redis.call('LINDEX', key, 0)}
  else
    rows[k] = {0}
  end
end
return rows

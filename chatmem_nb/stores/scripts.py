"""Every Lua script that this package sends. Each runs as one command: all of it happens, or nothing.

A script that changes something takes a marker key as KEYS[2]. It sets the marker *last*, with its answer,
and returns that answer where the marker stands already: so the same request, sent again because its answer
was lost, changes nothing more. Set first, a marker would stay behind a script that failed (WRONGTYPE), and
the retry would lose data in silence. ARGV[1] is the marker's life in milliseconds.
"""

from __future__ import annotations

_ONCE = """\
local done = redis.call('GET', KEYS[2])
if done then return tonumber(done) end
local function once(answer)
  redis.call('SET', KEYS[2], answer, 'PX', ARGV[1])
  return answer
end
"""

# ARGV[2]: life of the session in ms, or 0; ARGV[3...]: records, oldest first. Lua's stack takes about 8,000
# values at once, hence the steps; a step that fails (the list has grown over a limit) undoes those before.
APPEND = (
    _ONCE
    + """\
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
"""
)

# KEYS[3...]: staged lists, oldest first. ARGV[2]: life in ms, or 0; ARGV[3]: append, replace or insert;
# ARGV[4]: index of an insert, from the oldest (negative: from the newest); ARGV[5]: how many records in all,
# since a staged list may have expired; ARGV[6...]: records that were not staged.
PLACE = (
    _ONCE
    + """\
local key, records = KEYS[1], {}
for k = 3, #KEYS do
  for _, record in ipairs(redis.call('LRANGE', KEYS[k], 0, -1)) do records[#records + 1] = record end
end
for a = 6, #ARGV do records[#records + 1] = ARGV[a] end
if #records ~= tonumber(ARGV[5]) then return redis.error_reply('ERR a staged part has expired') end
local length, index = redis.call('LLEN', key), tonumber(ARGV[4])
if index < 0 then index = math.max(0, length + index) end
local inside = ARGV[3] == 'insert' and index < length
if ARGV[3] == 'replace' then redis.call('DEL', key) end
if inside and index > 0 then
  local original = redis.call('LINDEX', key, -index - 1)
  redis.call('LSET', key, -index - 1, KEYS[2])
  for _, record in ipairs(records) do redis.call('LINSERT', key, 'AFTER', KEYS[2], record) end
  redis.call('LSET', key, -index - 1 - #records, original)
else
  local push, first, last, step = 'LPUSH', 1, #records, 1
  if inside then push, first, last, step = 'RPUSH', #records, 1, -1 end
  for r = first, last, step do redis.call(push, key, records[r]) end
end
for k = 3, #KEYS do redis.call('DEL', KEYS[k]) end
local fresh = length == 0 or ARGV[3] ~= 'insert'
if fresh and ARGV[2] ~= '0' then redis.call('PEXPIRE', key, ARGV[2]) end
return once(redis.call('LLEN', key))
"""
)

# LLEN first: it refuses a key that is no list, which DEL would not.
DELETE = (
    _ONCE
    + """\
redis.call('LLEN', KEYS[1])
return once(redis.call('DEL', KEYS[1]))
"""
)

# ARGV[2]: index as Redis counts, from the newest; ARGV[3]: the text that must stand there. The marker's name
# is unique, so it can stand for the one element that goes.
REMOVE = (
    _ONCE
    + """\
if redis.call('LINDEX', KEYS[1], ARGV[2]) ~= ARGV[3] then return once(0) end
redis.call('LSET', KEYS[1], ARGV[2], KEYS[2])
return once(redis.call('LREM', KEYS[1], 1, KEYS[2]))
"""
)

# KEYS: lists. For each {length, remaining ms, oldest, newest}, or {0} where there is no list.
SUMMARIES = """\
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
"""

SCRIPTS: tuple[str, ...] = (APPEND, PLACE, DELETE, REMOVE, SUMMARIES)

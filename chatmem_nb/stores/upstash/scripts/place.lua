-- Append, insert or replace, with records some or all of which were staged; return the new length.
--
-- KEYS[3]     a key for the new list of a replacement
-- KEYS[4...]  staged lists, oldest record first
-- ARGV[2]     TTL of the session in ms; 0: none
-- ARGV[3]     'append', 'insert' or 'replace'
-- ARGV[4]     index of an insert, counted from the oldest record; negative: from the newest
-- ARGV[5]     number of records in all, because a staged list may have expired
-- ARGV[6...]  records that were not staged
local key, mode, records = KEYS[1], ARGV[3], {}
for k = 4, #KEYS do
  for _, record in ipairs(redis.call('LRANGE', KEYS[k], 0, -1)) do records[#records + 1] = record end
end
for a = 6, #ARGV do records[#records + 1] = ARGV[a] end
if #records ~= tonumber(ARGV[5]) then return redis.error_reply('ERR a staged list has expired') end

local length, index = redis.call('LLEN', key), tonumber(ARGV[4])
if index < 0 then index = math.max(0, length + index) end

-- Push `records` one by one; undo it if that fails because the list would exceed a limit.
local function push(command, list, first, last, step)
  for r = first, last, step do
    local reply = redis.pcall(command, list, records[r])
    if type(reply) == 'table' then
      local pushed = math.abs(r - first)
      if pushed > 0 and command == 'LPUSH' then redis.call('LTRIM', list, pushed, -1) end
      if pushed > 0 and command == 'RPUSH' then redis.call('LTRIM', list, 0, -pushed - 1) end
      return reply
    end
  end
end

-- Insert `records` after the element at `at`. LINSERT searches by value, so the element is replaced meanwhile
-- by the name of the idempotency key, which is unique.
local function insert(at)
  local original = redis.call('LINDEX', key, at)
  redis.call('LSET', key, at, KEYS[2])
  for r, record in ipairs(records) do
    local reply = redis.pcall('LINSERT', key, 'AFTER', KEYS[2], record)
    if type(reply) == 'table' then
      -- Those that were inserted stand behind it: each in turn is the element at `at`.
      for _ = 1, r - 1 do
        redis.call('LSET', key, at, KEYS[3])
        redis.call('LREM', key, 1, KEYS[3])
      end
      redis.call('LSET', key, at, original)
      return reply
    end
  end
  redis.call('LSET', key, at - #records, original)
end

local failed
if mode == 'replace' then
  -- The old list goes only when the new one is complete.
  failed = push('LPUSH', KEYS[3], 1, #records, 1)
  if not failed and #records > 0 then redis.call('RENAME', KEYS[3], key) end
  if not failed and #records == 0 then redis.call('DEL', key) end
elseif mode == 'append' or index >= length then
  failed = push('LPUSH', key, 1, #records, 1)
elseif index == 0 then
  failed = push('RPUSH', key, #records, 1, -1)
else
  failed = insert(-index - 1)
end
if failed then
  redis.call('DEL', KEYS[3])
  return failed
end

for k = 4, #KEYS do redis.call('DEL', KEYS[k]) end
local created = length == 0 or mode ~= 'insert'
if created and ARGV[2] ~= '0' then redis.call('PEXPIRE', key, ARGV[2]) end
return once(redis.call('LLEN', key))

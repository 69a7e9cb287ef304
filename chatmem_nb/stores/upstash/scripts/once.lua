-- The start of every script that changes a session.
--
-- KEYS[1]  the session
-- KEYS[2]  the idempotency key of this change
-- ARGV[1]  TTL of the idempotency key in ms
--
-- A retry of a request whose response was lost finds the result of the first attempt under the idempotency
-- key, and changes nothing. The key is set last: a script that fails before that (WRONGTYPE) must not leave
-- a key behind, or the retry would report success and the data would be lost.
local done = redis.call('GET', KEYS[2])
if done then return tonumber(done) end

local function once(result)
  redis.call('SET', KEYS[2], result, 'PX', ARGV[1])
  return result
end

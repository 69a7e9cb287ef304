-- The beginning of every script that changes a session.
--
-- KEYS[1]  the session
-- KEYS[2]  the idempotency key of this change
-- ARGV[1]  how long the idempotency key lives, in ms
--
-- A request that is sent again, because its response was lost, finds the result of the first one under the
-- idempotency key, and changes nothing more. The key is set last: a script that fails on the way (WRONGTYPE)
-- must leave no key behind, or the retry would report a success and lose data.
local done = redis.call('GET', KEYS[2])
if done then return tonumber(done) end

local function once(result)
  redis.call('SET', KEYS[2], result, 'PX', ARGV[1])
  return result
end

-- Delete the session, or its oldest records; return 1 if it existed, 0 if not, -1 if the condition failed.
--
-- ARGV[2]  how many of the oldest records to delete; 0: the whole session
-- ARGV[3]  the expected text of the newest of those records

-- LLEN fails for a key that is not a list; DEL would not.
redis.call('LLEN', KEYS[1])
local count = tonumber(ARGV[2])
if count == 0 then return once(redis.call('DEL', KEYS[1])) end

-- The newest record comes first in the list: the oldest is element -1.
if redis.call('LINDEX', KEYS[1], -count) ~= ARGV[3] then return once(-1) end
redis.call('LTRIM', KEYS[1], 0, -count - 1)
return once(1)

-- Remove one record, if it is the expected one; return 1 if it was removed, else 0.
--
-- ARGV[2]  its index in the list, the newest record being 0
-- ARGV[3]  its text
if redis.call('LINDEX', KEYS[1], ARGV[2]) ~= ARGV[3] then return once(0) end

-- Redis has no command to remove by index, and LREM searches by value: the element is replaced by the name of
-- the idempotency key, which is unique, and then removed.
redis.call('LSET', KEYS[1], ARGV[2], KEYS[2])
return once(redis.call('LREM', KEYS[1], 1, KEYS[2]))

-- Returns what stands under the key. Where nothing does, puts a lease there and answers OK.
-- ARGV[1]: the lease; ARGV[2]: how long it lives, ms.
local there = redis.pcall('GET', KEYS[1])
if there then
  return there -- also the error of a key of another type
end
return redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])

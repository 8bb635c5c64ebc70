-- Bounds how long a lease or a marker stands. Redis' clock may have been set back since it was put there, and would let it
-- stand for as much longer. Anything else is left alone. Answers 1 if something was changed, or 0.
-- ARGV[1]: what a marker begins with; ARGV[2]: what a lease begins with; ARGV[3]: the longest that a lease lives, ms; ARGV[4]: the
-- longest that any token may stand, ms.
local head = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
if head == ARGV[2] then
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return 1
  end
  return 0
end
if head ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local marker, longest, tokens, last, changed = redis.call('GET', KEYS[1]), tonumber(ARGV[4]), '', now, 0
for at = #ARGV[1] + 1, #marker - 27, 28 do
  local token, ends, life = string.sub(marker, at, at + 15), struct.unpack('<I8I4', marker, at + 16)
  if ends > now and life > 0 and life <= longest then
    local bounded = math.min(ends, now + life)
    if bounded < ends then
      changed = 1
    end
    tokens = tokens .. token .. struct.pack('<I8I4', bounded, life)
    last = math.max(last, bounded)
  end
end
if changed == 1 then
  redis.call('SET', KEYS[1], ARGV[1] .. tokens, 'PX', string.format('%d', last - now))
end
return changed

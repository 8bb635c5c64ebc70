-- What writers do to a key: `mark` puts this writer's token into the marker, `finish` takes it out, `invalidate` does
-- neither. All three remove whatever else stands there. No other writer's token is touched before its time.
-- ARGV[1]: what a marker begins with; ARGV[2]: the token (16 bytes, or nothing); ARGV[3]: how long it is to stand, ms, or
-- 0; ARGV[4]: the longest that any token may stand, ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, last = '', now

local function keep(token, ends)
  tokens = tokens .. token .. struct.pack('<I8', ends)
  last = math.max(last, ends)
end

-- First of all the writer's own: so no two markers that ever stood here begin alike.
if ARGV[3] ~= '0' then
  keep(ARGV[2], now + ARGV[3])
end
if redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then
  local marker = redis.call('GET', KEYS[1])
  for at = #ARGV[1] + 1, #marker - 23, 24 do
    local token, ends = string.sub(marker, at, at + 15), struct.unpack('<I8', marker, at + 16)
    if token ~= ARGV[2] and ends > now and ends <= now + ARGV[4] then
      keep(token, ends)
    end
  end
end
-- Removing comes first also where something follows: a Redis that is full lets a script go on that has begun to write,
-- and it is better to keep a few bytes too many than to refuse a write to the database.
redis.call('UNLINK', KEYS[1])
if tokens ~= '' then
  redis.call('SET', KEYS[1], ARGV[1] .. tokens, 'PX', string.format('%d', last - now))
end
return redis.status_reply('OK')

-- What writers do to a key: `mark` puts this writer's token into the marker; `finish` takes it out; `invalidate` is a
-- `finish` with a token that was never put. All three remove whatever else stands there. No other writer's token is touched
-- before its time. Answers the token, and behind it 1 if it stood there, or 0: a reply to another command is no such thing.
-- ARGV[1]: what a marker begins with; ARGV[2]: the token (16 bytes); ARGV[3]: how long it is to stand, ms, or 0; ARGV[4]: the
-- longest that any token may stand, ms; ARGV[5]: 1 if a removal that finds nothing is to be written too, or 0.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, last, stood = '', now, '0'

local function keep(token, ends, life)
  tokens = tokens .. token .. struct.pack('<I8I4', ends, life)
  last = math.max(last, ends)
end

-- First of all the writer's own: so no two markers that ever stood here begin alike.
if ARGV[3] ~= '0' then
  keep(ARGV[2], now + ARGV[3], ARGV[3])
end
if redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then
  local marker, longest = redis.call('GET', KEYS[1]), tonumber(ARGV[4])
  for at = #ARGV[1] + 1, #marker - 27, 28 do
    local token, ends, life = string.sub(marker, at, at + 15), struct.unpack('<I8I4', marker, at + 16)
    if token == ARGV[2] then
      stood = ends > now and '1' or '0'
    elseif ends > now and life > 0 and life <= longest then
      -- If the clock was set back, the token begins anew: its writer may be alive, and a dead one's must end.
      keep(token, math.min(ends, now + life), life)
    end
  end
end
if tokens == '' then
  if redis.call('UNLINK', KEYS[1]) == 0 and ARGV[5] == '1' then
    -- A WAIT on this connection waits for what it wrote, and that was nothing: an earlier removal of this key, by another
    -- connection or an eviction, may still be on its way to the replicas.
    redis.call('SET', KEYS[1], '', 'PX', 1)
    redis.call('UNLINK', KEYS[1])
  end
else
  -- Without a removal: if the key's slot is on its way to another node, a key that is removed can be written there alone,
  -- and the tokens of other writers would be lost.
  local marker, life = ARGV[1] .. tokens, string.format('%d', last - now)
  if redis.pcall('SET', KEYS[1], marker, 'PX', life).err then
    -- A Redis that is full lets a script go on that has begun to write, and it is better to keep a few bytes too many than
    -- to refuse a write to the database.
    redis.call('UNLINK', KEYS[1])
    redis.call('SET', KEYS[1], marker, 'PX', life)
  end
end
return ARGV[2] .. stood

-- Looks at each key and removes it if it is rcache's, in one step, so that what arrives in between is never removed.
-- ARGV[1]: what everything of this format begins with. ARGV[2]: the states of entries, a byte each; ARGV[3]: the states
-- to spare while they live; ARGV[4]: '1' if only rcache uses such keys, for whatever has a time to live.
-- Answers: removed, spared, of another version, foreign, not looked at, the longest remaining life of a spared one
-- (ms), the first refusal.
local magic = string.sub(ARGV[1], 1, 4)
local removed, spared, other, foreign, refused, longest, words = 0, 0, 0, 0, 0, 0, ''

local function refuse(answer)
  refused = refused + 1
  if words == '' then
    words = answer.err
  end
end

local function life(key)
  local left = redis.pcall('PTTL', key)
  return type(left) == 'number' and left or 0
end

local function remove(key)
  local done = redis.pcall('UNLINK', key)
  if type(done) == 'table' then
    refuse(done)
  else
    removed = removed + done
  end
end

for _, key in ipairs(KEYS) do
  local head = redis.pcall('GETRANGE', key, 0, 7)
  local is_string = type(head) == 'string'
  if not is_string and not string.find(head.err, 'WRONGTYPE', 1, true) then
    refuse(head)
  else
    local state = is_string and string.sub(head, 1, 5) == ARGV[1] and string.sub(head, 6, 6) or ''
    if state ~= '' and string.find(ARGV[3], state, 1, true) then
      spared = spared + 1
      longest = math.max(longest, life(key))
    elseif state ~= '' and string.find(ARGV[2], state, 1, true) then
      remove(key)
    elseif ARGV[4] == '1' and life(key) > 0 then
      remove(key)
    elseif is_string and string.sub(head, 1, 4) == magic then
      other = other + 1
    elseif head ~= '' or redis.pcall('EXISTS', key) == 1 then
      foreign = foreign + 1
    end
  end
end
return {removed, spared, other, foreign, refused, longest, words}

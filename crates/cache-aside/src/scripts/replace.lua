-- Compare-and-set. Answers 1 where it was done, and 0 where something else stood there.
-- ARGV[1]: the first 24 bytes of what must stand there, or all of it where it is shorter, or nothing where it is no
-- string; ARGV[2]: what to put there, or nothing to leave nothing; ARGV[3]: how long that lives, ms, or nothing: as long as what
-- stood there would have.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 23)
if type(head) == 'table' then
  head = ''
end
if head ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('UNLINK', KEYS[1])
else
  local set
  if ARGV[3] == '' then
    set = redis.pcall('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  else
    set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  end
  if set.err then
    return set
  end
end
return 1

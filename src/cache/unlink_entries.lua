-- Removes those of the keys that hold an entry of rcache and counts those that hold anything else, in one step, so that
-- nothing can change between the look and the removal. ARGV[1]: the magic that entries begin with. Looks each key up
-- exactly twice, there or not: our look-ups are compared with the server's count of them. A key that may not be looked at
-- is an error and no foreign one.
local foreign = 0
for _, key in ipairs(KEYS) do
  local there = redis.call('EXISTS', key) == 1
  local head = redis.pcall('GETRANGE', key, 0, #ARGV[1] - 1)
  if type(head) == 'table' and not string.find(head.err, 'WRONGTYPE', 1, true) then
    return head
  end
  if there and head == ARGV[1] then
    redis.call('UNLINK', key)
  elseif there then
    foreign = foreign + 1
  end
end
return foreign

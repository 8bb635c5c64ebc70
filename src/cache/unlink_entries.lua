-- Removes those of the keys that hold an entry of rcache and counts those that hold anything else, in one step, so that
-- nothing can change between the look and the removal. ARGV[1]: the magic that entries begin with.
local foreign = 0
for _, key in ipairs(KEYS) do
  local head = redis.pcall('GETRANGE', key, 0, #ARGV[1] - 1)
  if type(head) == 'table' or (head ~= ARGV[1] and redis.call('EXISTS', key) == 1) then
    foreign = foreign + 1
  elseif head == ARGV[1] then
    redis.call('UNLINK', key)
  end
end
return foreign

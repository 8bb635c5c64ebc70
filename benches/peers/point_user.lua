-- sysbench with rcache's own statement on rcache's own table: what is left of a difference to oltp_point_select, whose rows
-- have one column of 120 characters, when both ask for the same.

local statement, id

function thread_init()
  local file = assert(io.open("sql/select_user.sql"))
  local connection = sysbench.sql.driver():connect()
  statement = connection:prepare(file:read("*a"))
  file:close()
  id = statement:bind_create(sysbench.sql.type.INT)
  statement:bind_param(id)
end

function event()
  id:set(sysbench.rand.uniform(1, 100000))
  statement:execute()
end

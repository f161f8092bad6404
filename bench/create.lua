-- wrk: every request creates another environment. The argument is what their names begin with.
local n = 0
local prefix
function init(args)
  prefix = args[1]
end
wrk.method = 'POST'
request = function()
  n = n + 1
  local body = '{"name":"' .. prefix .. '-' .. n .. '","instanceGroup":{"cluster":"default"},"taskDefinition":"daemon"}'
  return wrk.format(nil, '/v1/environments', nil, body)
end

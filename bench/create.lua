-- wrk: every request creates another environment.
local n = 0
wrk.method = 'POST'
request = function()
  n = n + 1
  local body = '{"name":"made-' .. n .. '","instanceGroup":{"cluster":"default"},"taskDefinition":"daemon"}'
  return wrk.format(nil, '/v1/environments', nil, body)
end

-- wrk script: requests the paths of a file in turn, and prints the measured load as JSON.
-- Arguments: the path of the file, which contains one path a line.

local percentiles = { 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9 }

function init(args)
  local requests = {}
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  if #requests == 1 then
    wrk.path = io.lines(args[1])()
    return -- Without a request function wrk sends a constant request, which costs it nothing.
  end
  local turn = 0
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local points = {}
  for place, percentile in ipairs(percentiles) do
    points[place] = string.format('"%g": %g', percentile, latency:percentile(percentile))
  end
  print(string.format('{"requests": %d, "seconds": %f, "errors": %d, "latency_us": {%s}}',
    summary.requests, summary.duration / 1e6, failed, table.concat(points, ", ")))
end

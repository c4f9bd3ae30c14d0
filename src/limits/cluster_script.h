#pragma once

#include <string_view>

namespace portcullis::limits {

// The script that decides on the server, atomically and by the server's clock. KEYS has one key per limit.
// ARGV: the mode, the cost, the min size of a lease, and for each limit its algorithm (0: token bucket),
// amount, period in microseconds and burst. The modes: `charge` takes the cost from all limits or none;
// `look` returns what `charge` would return, and takes nothing; `lease` takes as much as one limit has left,
// up to the cost; `force` always takes the cost. Returns 1 or 0 for whether the charge was granted, the
// granted amount, and for each limit what remains, the microseconds until it is completely free again, and
// the microseconds until the same charge would be granted.
inline constexpr std::string_view kClusterScript = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local mode, amount, least = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local states, granted = {}, true
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 4
  local s = {bucket = ARGV[at + 1] == '0', limit = tonumber(ARGV[at + 2]), period = tonumber(ARGV[at + 3]),
             burst = tonumber(ARGV[at + 4])}
  if s.bucket then
    s.each = s.period / s.limit
    s.full = math.max(tonumber(redis.call('GET', key) or '0'), now)
    s.free = math.floor((s.each * s.burst - (s.full - now)) / s.each + 0.000001)
  else
    s.window = math.floor(now / s.period)
    s.into = now - s.window * s.period
    local kept = redis.call('HMGET', key, 'w', 'c', 'p')
    local window, count, before = tonumber(kept[1] or '-2'), tonumber(kept[2] or '0'), tonumber(kept[3] or '0')
    if window == s.window then
      s.count, s.before = count, before
    elseif window == s.window - 1 then
      s.count, s.before = 0, count
    else
      s.count, s.before = 0, 0
    end
    s.weighted = math.ceil(s.before * (s.period - s.into) / s.period)
    s.free = s.limit - s.weighted - s.count
  end
  states[i] = s
  if (mode == 'charge' or mode == 'look') and s.free < amount then granted = false end
end
if mode == 'lease' then
  amount = math.min(amount, states[1].free)
  granted = amount >= least
end
local take = granted and mode ~= 'look' and amount or 0
local out = {granted and 1 or 0, take}
for i, key in ipairs(KEYS) do
  local s = states[i]
  local wanted = mode == 'lease' and least or amount
  local reset, retry = 0, 0
  if s.bucket then
    if not granted and s.free < wanted then retry = math.max(1, (s.full - now) + wanted * s.each - s.each * s.burst) end
    s.full = s.full + take * s.each
    reset = s.full - now
    if take > 0 then redis.call('SET', key, string.format('%.0f', s.full), 'PX', math.ceil(reset / 1000) + 1) end
  else
    if not granted and s.free < wanted then
      local excess = wanted - s.free
      if s.before > 0 and s.weighted >= excess then
        retry = math.max(1, excess * s.period / s.before)
      else
        retry = s.period - s.into
      end
    end
    reset = s.period - s.into
    if take > 0 then
      redis.call('HSET', key, 'w', string.format('%.0f', s.window), 'c', s.count + take, 'p', s.before)
      redis.call('PEXPIRE', key, math.ceil(2 * s.period / 1000))
    end
  end
  out[#out + 1] = math.max(0, math.floor(s.free - take))
  out[#out + 1] = math.ceil(reset)
  out[#out + 1] = math.ceil(retry)
end
return out
)lua";

}  // namespace portcullis::limits

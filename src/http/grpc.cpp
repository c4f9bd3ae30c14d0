#include "http/grpc.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::http {

uint16_t grpc_status_for(uint16_t http_status) {
  constexpr uint16_t kUnknown = 2, kDeadlineExceeded = 4, kPermissionDenied = 7, kResourceExhausted = 8,
                     kUnimplemented = 12, kInternal = 13, kUnavailable = 14, kUnauthenticated = 16;
  switch (http_status) {
    case 400: return kInternal;
    case 401: return kUnauthenticated;
    case 403: return kPermissionDenied;
    case 404:
    case 405: return kUnimplemented;
    case 408:
    case 504: return kDeadlineExceeded;
    case 413:
    case 431: return kResourceExhausted;
    case 429:
    case 502:
    case 503: return kUnavailable;
    default: return kUnknown;
  }
}

std::optional<Milliseconds> parse_grpc_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const auto number = parse_decimal(text.substr(0, text.size() - 1));
  if (!number) return std::nullopt;
  using namespace std::chrono;
  const auto count = static_cast<int64_t>(*number);
  const auto whole = [](auto duration) { return std::max(ceil<Milliseconds>(duration), Milliseconds(1)); };
  switch (text.back()) {
    case 'H': return whole(hours(count));
    case 'M': return whole(minutes(count));
    case 'S': return whole(seconds(count));
    case 'm': return whole(milliseconds(count));
    case 'u': return whole(microseconds(count));
    case 'n': return whole(nanoseconds(count));
    default: return std::nullopt;
  }
}

}  // namespace portcullis::http

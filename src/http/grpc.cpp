#include "http/grpc.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace portcullis::http {
namespace {

constexpr std::pair<std::string_view, GrpcForm> kTypes[] = {{"application/grpc-web-text", GrpcForm::kWebText},
                                                            {"application/grpc-web", GrpcForm::kWeb},
                                                            {"application/grpc", GrpcForm::kGrpc}};

// The entry that matches the media type `type`, with or without a suffix; null when none does.
const std::pair<std::string_view, GrpcForm>* find_type(std::string_view type) {
  for (const auto& known : kTypes) {
    const size_t size = known.first.size();
    if (type.size() < size || !equals_ignoring_case(type.substr(0, size), known.first)) continue;
    if (type.size() == size || type[size] == '+' || type[size] == ';' || type[size] == ' ') return &known;
  }
  return nullptr;
}

}  // namespace

GrpcForm grpc_form(std::string_view content_type) {
  const auto* known = find_type(content_type);
  return known == nullptr ? GrpcForm::kNone : known->second;
}

std::string_view grpc_suffix(std::string_view content_type) {
  const auto* known = find_type(content_type);
  return known == nullptr ? std::string_view() : content_type.substr(known->first.size());
}

std::string grpc_prefix(uint8_t flags, size_t size) {
  std::string out(1, static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(size >> shift & 0xff);
  return out;
}

size_t grpc_size(std::string_view prefix) {
  size_t size = 0;
  for (size_t i = 1; i < kGrpcPrefix; ++i) size = size << 8 | static_cast<uint8_t>(prefix[i]);
  return size;
}

std::string_view find_in_lines(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name))
      return trim(line.substr(colon + 1));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
  return {};
}

uint16_t http_status_for(uint32_t grpc_status) {
  constexpr uint16_t kStatuses[] = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                    400, 409, 400, 501, 500, 503, 500, 401};
  return grpc_status < std::size(kStatuses) ? kStatuses[grpc_status] : 500;
}

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

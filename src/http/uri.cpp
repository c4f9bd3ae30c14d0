#include "http/uri.h"

#include <algorithm>

#include "base/arena.h"
#include "base/text.h"
#include "http/authority.h"
#include "http/path.h"

namespace portcullis::http {
namespace {

// True for a host name or IP address that a request may contain.
bool is_host(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           (bracketed ? c == ':' : c == '-' || c == '_');
  });
}

}  // namespace

std::optional<std::string> normal_uri(std::string_view uri) {
  const size_t mark = uri.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  std::string out = to_lower(uri.substr(0, mark));
  if (out != "http" && out != "https") return std::nullopt;
  uri.remove_prefix(mark + 3);
  const size_t authority_end = std::min(uri.find_first_of("/?"), uri.size());
  const std::string_view authority = uri.substr(0, authority_end);
  const std::string_view host = host_of(authority);
  if (!is_host(host) || !is_valid_authority(authority)) return std::nullopt;
  Arena arena;
  const std::string_view port = port_of(authority, out);
  (out += "://") += canonical_host(host, arena);
  if (!port.empty()) (out += ':') += port;
  uri.remove_prefix(authority_end);
  const size_t path_end = std::min(uri.find('?'), uri.size());
  const auto path =
      path_end == 0 ? std::optional<std::string_view>("/")
                    : canonical_path(uri.substr(0, path_end), arena, {.ambiguous = AmbiguousPaths::kPass});
  if (!path) return std::nullopt;
  out += *path;
  if (path_end + 1 < uri.size()) out += uri.substr(path_end);
  return out;
}

}  // namespace portcullis::http

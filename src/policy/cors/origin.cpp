#include "policy/cors/origin.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "runtime/ip_range.h"

namespace portcullis::policy::cors {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// True when `origin` begins with a URI scheme (RFC 3986 section 3.1).
bool has_scheme(std::string_view origin) {
  const size_t end = origin.find("://");
  if (end == 0 || end == std::string_view::npos || !is_letter(origin[0])) return false;
  return std::all_of(origin.begin(), origin.begin() + static_cast<ptrdiff_t>(end),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
}

std::string why_not_port(std::string_view port, std::string_view scheme) {
  const auto number = parse_decimal(port);
  if (!number || *number == 0 || *number > 65'535 || port[0] == '0')
    return port == "*" ? "`*` cannot stand for a port: list the ports" : "the port must be 1 to 65535";
  const bool own = (equals_ignoring_case(scheme, "http") && *number == 80) ||
                   (equals_ignoring_case(scheme, "https") && *number == 443);
  return own ? "browsers leave out the port " + std::string(port) + ", which is the scheme's own" : "";
}

std::string why_not_address(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) return "`" + std::string(text) + "` is not an address";
  char written[INET6_ADDRSTRLEN];
  const std::string_view usual(written, address->write(written));
  return equals_ignoring_case(usual, text) ? "" : "browsers write the address as " + std::string(usual);
}

std::string why_not_domain(std::string_view host) {
  if (std::any_of(host.begin(), host.end(), [](char c) { return (c & 0x80) != 0; }))
    return "browsers write such a name in its ASCII form (xn--...)";
  if (host.find('*') != std::string_view::npos)
    return "`*` can only stand for the names below a domain, as in https://*.example.com; for all origins "
           "write *";
  bool is_number = false;  // whether the last label of the host is a number
  for (size_t begin = 0; begin <= host.size();) {
    const size_t end = std::min(host.find('.', begin), host.size());
    const std::string_view label = host.substr(begin, end - begin);
    const bool good = !label.empty() && std::all_of(label.begin(), label.end(), [](char c) {
      return is_letter(c) || is_digit(c) || c == '-' || c == '_';
    });
    if (!good) return "`" + std::string(host) + "` is not a host";
    is_number = std::all_of(label.begin(), label.end(), is_digit);
    begin = end + 1;
  }
  return is_number ? why_not_address(host) : "";
}

// Why no browser sends this origin, or "". `origin` must begin with a scheme.
std::string why_never_sent(std::string_view origin) {
  const size_t mark = origin.find("://");
  const std::string_view scheme = origin.substr(0, mark);
  std::string_view rest = origin.substr(mark + 3);
  if (rest.find_first_of("/?#@") != std::string_view::npos)
    return "an origin has only a scheme, a host and a port";
  const bool below = rest.starts_with("*.");
  if (below) rest.remove_prefix(2);
  const bool bracketed = rest.starts_with('[');
  size_t end = bracketed ? rest.find(']') : rest.find(':');
  if (bracketed && (end == std::string_view::npos || below))
    return "`" + std::string(rest) + "` is not an address";
  if (bracketed) ++end;
  end = std::min(end, rest.size());
  const std::string_view host = rest.substr(0, end);
  rest.remove_prefix(end);
  std::string problem = bracketed ? why_not_address(host.substr(1, host.size() - 2)) : why_not_domain(host);
  if (!problem.empty() || rest.empty()) return problem;
  return rest[0] == ':' ? why_not_port(rest.substr(1), scheme) : "`" + std::string(rest) + "` is not a port";
}

}  // namespace

std::string check_origin(const std::string& origin) {
  if (origin == "*") return "";
  if (!has_scheme(origin))
    return "`" + origin + "` is not an origin: write https://app.example.com, https://*.example.com or *";
  const std::string problem = why_never_sent(origin);
  return problem.empty() ? "" : "`" + origin + "` is not an origin that a browser sends: " + problem;
}

}  // namespace portcullis::policy::cors

#include "http/authority.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::http {
namespace {

bool is_port_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_in_name(char c) {
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || is_port_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool is_in_address(char c) {
  const char lower = ascii_lower(c);
  return is_port_digit(c) || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.';
}

}  // namespace

bool is_valid_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const std::string_view address = text.substr(1, close - 1);
    if (!std::all_of(address.begin(), address.end(), is_in_address)) return false;
    port = text.substr(close + 1);
  } else {
    const std::string_view name = text.substr(0, text.find(':'));
    if (!std::all_of(name.begin(), name.end(), is_in_name)) return false;
    if (name.starts_with('.') || name.find("..") != std::string_view::npos) return false;
    port = text.substr(name.size());
    if (name.empty() && !port.empty()) return false;
  }
  return port.empty() ||
         (port[0] == ':' && port.size() <= 6 && std::all_of(port.begin() + 1, port.end(), is_port_digit));
}

std::string_view host_of(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  return colon == std::string_view::npos || authority.back() == ']' ? authority : authority.substr(0, colon);
}

std::string_view port_of(std::string_view authority, std::string_view scheme) {
  const std::string_view host = host_of(authority);
  if (host.size() == authority.size()) return {};
  std::string_view port = authority.substr(host.size() + 1);
  port.remove_prefix(std::min(port.find_first_not_of('0'), port.size()));
  return port == (scheme == "https" ? "443" : "80") ? std::string_view() : port;
}

std::string_view canonical_host(std::string_view host, Arena& arena) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (std::none_of(host.begin(), host.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return host;
  char* lower = arena.allocate(host.size(), 1);
  std::transform(host.begin(), host.end(), lower, ascii_lower);
  return {lower, host.size()};
}

bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  const auto name_of = [](std::string_view authority) {
    std::string_view host = host_of(authority);
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
  };
  return equals_ignoring_case(name_of(a), name_of(b)) && port_of(a, scheme) == port_of(b, scheme);
}

}  // namespace portcullis::http

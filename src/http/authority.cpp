#include "http/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/arena_text.h"
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

// Writes "[address]" in the form of RFC 5952.
class BracketedAddress {
 public:
  // `host` includes the brackets. good() is false when `host` is not an IPv6 address.
  explicit BracketedAddress(std::string_view host) {
    in6_addr address{};
    if (host.size() < 2 || host.size() > sizeof text_ || host.front() != '[' || host.back() != ']') return;
    std::memcpy(text_, host.data() + 1, host.size() - 2);
    text_[host.size() - 2] = '\0';
    if (::inet_pton(AF_INET6, text_, &address) != 1) return;
    text_[0] = '[';
    ::inet_ntop(AF_INET6, &address, text_ + 1, INET6_ADDRSTRLEN);
    size_ = std::strlen(text_);
    text_[size_++] = ']';
  }
  bool good() const { return size_ > 0; }
  std::string_view text() const { return {text_, size_}; }

 private:
  char text_[INET6_ADDRSTRLEN + 2]{};
  size_t size_ = 0;
};

std::string_view without_last_dot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

}  // namespace

bool is_valid_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || !BracketedAddress(text.substr(0, close + 1)).good()) return false;
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
  if (host.starts_with('[')) {
    const BracketedAddress address(host);
    if (address.good()) return address.text() == host ? host : arena.copy(address.text());
  }
  host = without_last_dot(host);
  if (std::none_of(host.begin(), host.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return host;
  return to_lower(host, arena);
}

std::string canonical_host(const std::string& host) {
  if (host.starts_with('[')) {
    const BracketedAddress address(host);
    if (address.good()) return std::string(address.text());
  }
  return to_lower(without_last_dot(host));
}

bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) {
  if (port_of(a, scheme) != port_of(b, scheme)) return false;
  const std::string_view host = host_of(a), other = host_of(b);
  if (host.starts_with('[') && other.starts_with('[')) {
    const BracketedAddress address(host), others(other);
    if (address.good() && others.good()) return address.text() == others.text();
  }
  return equals_ignoring_case(without_last_dot(host), without_last_dot(other));
}

}  // namespace portcullis::http

#include "runtime/address.h"

#include <arpa/inet.h>

#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace portcullis {

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) : length_(length) {
  if (length_ > sizeof storage_) length_ = sizeof storage_;
  std::memcpy(&storage_, address, length_);
}

Result<HostPort> split_host_port(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    const std::string_view rest = text.substr(scheme + 3);
    const std::string authority(rest.substr(0, rest.find_first_of("/?#")));
    const bool has_port = authority.find(':', authority.find(']') + 1) != std::string::npos;
    const char* port = text.starts_with("https") ? ":443" : ":80";
    return Error{quoted + " is not an address: an address has no scheme and no path; write " + authority +
                 (has_port ? "" : port)};
  }
  std::string_view host, port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 >= text.size() || text[close + 1] != ':') {
      return Error{quoted + " is not an address: expected [IPv6]:port"};
    }
    host = text.substr(1, close - 1);
    port = text.substr(close + 2);
  } else {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
      return Error{quoted + " is not an address: " +
                   (parse_decimal(text) ? "the host is missing, as in 127.0.0.1:" + std::string(text)
                                        : "the port is missing (host:port)")};
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.find(':') != std::string_view::npos) {
      return Error{quoted + " is not an address: write an IPv6 host in brackets, as in [::1]:8080"};
    }
  }
  const auto number = parse_decimal(port);
  if (const size_t path = port.find('/');
      path != std::string_view::npos && parse_decimal(port.substr(0, path)))
    return Error{quoted + " is not an address: an address has no path; write " +
                 std::string(text.substr(0, text.size() - port.size() + path))};
  if (host.empty())
    return Error{quoted + " is not an address: the host is missing, as in 127.0.0.1:" + std::string(port)};
  if (!number || *number > 65535) return Error{quoted + " is not an address: the port must be 0 to 65535"};
  return HostPort{std::string(host), static_cast<uint16_t>(*number)};
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  SocketAddress address;
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (path.empty()) return Error{"a unix: address needs a path"};
    if (path.size() >= sizeof address.storage_.local.sun_path) {
      return Error{"the path of a unix: address must be shorter than " +
                   std::to_string(sizeof address.storage_.local.sun_path) + " bytes"};
    }
    address.storage_.local = {};  // an initialiser of the union clears only its first member
    address.storage_.local.sun_family = AF_UNIX;
    std::memcpy(address.storage_.local.sun_path, path.data(), path.size());
    address.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
  }
  const auto parts = split_host_port(text);
  if (!parts) return parts.error();
  address.storage_.v6 = {};
  if (inet_pton(AF_INET, parts->host.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_family = AF_INET;
    address.length_ = sizeof(sockaddr_in);
  } else if (inet_pton(AF_INET6, parts->host.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.length_ = sizeof(sockaddr_in6);
  } else {
    return Error{"\"" + parts->host + "\" is not an IP address"};
  }
  address.set_port(parts->port);
  return address;
}

SocketAddress SocketAddress::of_socket(int fd) {
  SocketAddress address;
  address.length_ = capacity();
  if (getsockname(fd, address.data(), &address.length_) != 0) address.length_ = 0;
  return address;
}

bool SocketAddress::is_local() const {
  if (family() == AF_INET) return ntohl(storage_.v4.sin_addr.s_addr) >> 24 == 127;
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr) != 0;
  return is_unix();
}

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(storage_.v4.sin_port);
  if (family() == AF_INET6) return ntohs(storage_.v6.sin6_port);
  return 0;
}

void SocketAddress::set_port(uint16_t port) {
  if (family() == AF_INET) storage_.v4.sin_port = htons(port);
  if (family() == AF_INET6) storage_.v6.sin6_port = htons(port);
}

size_t SocketAddress::write_host(char* out) const {
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &storage_.v4.sin_addr, out, INET6_ADDRSTRLEN);
  } else if (family() == AF_INET6) {
    if (IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr)) {
      inet_ntop(AF_INET, storage_.v6.sin6_addr.s6_addr + 12, out, INET6_ADDRSTRLEN);
    } else {
      inet_ntop(AF_INET6, &storage_.v6.sin6_addr, out, INET6_ADDRSTRLEN);
    }
  } else {
    std::memcpy(out, "unix", 5);
  }
  return std::strlen(out);
}

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN];
  return std::string(text, write_host(text));
}

std::string SocketAddress::to_string() const {
  switch (family()) {
    case AF_INET: return host() + ":" + std::to_string(port());
    case AF_INET6: {
      char text[INET6_ADDRSTRLEN];
      inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text, sizeof text);
      return "[" + std::string(text) + "]:" + std::to_string(port());
    }
    case AF_UNIX:
      if (length_ <= offsetof(sockaddr_un, sun_path)) return "unix:";
      return "unix:" + std::string(storage_.local.sun_path);
    default: return "unknown";
  }
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length_ == other.length_ && std::memcmp(&storage_, &other.storage_, length_) == 0;
}

}  // namespace portcullis

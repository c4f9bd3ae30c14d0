#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis {

// The address of a socket: IPv4, IPv6 or a Unix path. A plain value.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const sockaddr* address, socklen_t length);

  // Parses "127.0.0.1:80", "[::1]:80" or "unix:/path". Host names are refused; see split_host_port().
  static Result<SocketAddress> parse(std::string_view text);
  // The address that `fd` is bound to.
  static SocketAddress of_socket(int fd);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }
  socklen_t* length_pointer() { return &length_; }
  static constexpr socklen_t capacity() { return sizeof storage_; }

  int family() const { return length_ < sizeof(sa_family_t) ? AF_UNSPEC : data()->sa_family; }
  bool is_unix() const { return family() == AF_UNIX; }
  // True for a loopback address or a Unix socket, which only this machine can reach.
  bool is_local() const;
  uint16_t port() const;
  void set_port(uint16_t port);

  // The host without the port; IPv4 addresses mapped into IPv6 are written as IPv4. "unix" for Unix sockets.
  std::string host() const;
  // The address in the format that parse() reads.
  std::string to_string() const;
  // Writes host() into `out` (at least INET6_ADDRSTRLEN bytes) and returns its length. Does not allocate.
  size_t write_host(char* out) const;

  bool operator==(const SocketAddress& other) const;

 private:
  union {
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } storage_{};
  socklen_t length_ = 0;
};

struct HostPort {
  std::string host;  // without the brackets of an IPv6 literal
  uint16_t port;

  bool operator==(const HostPort&) const = default;
};

// Splits "host:port" or "[v6]:port"; the host may be a name.
Result<HostPort> split_host_port(std::string_view text);

}  // namespace portcullis

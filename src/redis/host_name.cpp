#include "redis/host_name.h"

#include <netdb.h>
#include <poll.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "runtime/address.h"

namespace portcullis::redis {
namespace {

bool accepts_connections(const addrinfo& place, uint16_t port, Milliseconds timeout) {
  SocketAddress address(place.ai_addr, place.ai_addrlen);
  address.set_port(port);
  const UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return false;
  if (::connect(socket.get(), address.data(), address.length()) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd waiting{socket.get(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  return ::poll(&waiting, 1, static_cast<int>(timeout.count())) == 1 &&
         ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

std::string reachable_address(const std::string& host, uint16_t port, Milliseconds timeout) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return "";
  const addrinfo* chosen = found;
  const bool has_several = found->ai_next != nullptr;
  while (has_several && chosen != nullptr && !accepts_connections(*chosen, port, timeout))
    chosen = chosen->ai_next;
  if (chosen == nullptr) chosen = found;
  std::string out = SocketAddress(chosen->ai_addr, chosen->ai_addrlen).host();
  ::freeaddrinfo(found);
  return out;
}

}  // namespace portcullis::redis

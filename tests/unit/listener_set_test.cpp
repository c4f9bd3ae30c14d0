#include "control/listener_set.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "proxy/snapshot.h"

namespace portcullis::control {
namespace {

int option_of(const UniqueFd& fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &size), 0);
  return value;
}

// The kernel accepts connections from the moment the socket listens; a worker gets the socket later.
TEST(ListenerSet, ConnectionsThatComeBeforeAnyWorkerHaveTheKeepaliveOfTheirListener) {
  proxy::ListenerSettings listener{.name = "main", .address = *SocketAddress::parse("127.0.0.1:0")};
  listener.keepalive.idle = std::chrono::seconds(7);
  ListenerSet set;
  const auto opened = set.update({listener}, 1);
  ASSERT_TRUE(opened);
  const UniqueFd& socket = opened->at(0).at(0).at(0);
  const SocketAddress address = SocketAddress::of_socket(socket.get());
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), address.data(), address.length()), 0);
  const UniqueFd accepted(::accept(socket.get(), nullptr, nullptr));
  EXPECT_EQ(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(option_of(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
}

}  // namespace
}  // namespace portcullis::control

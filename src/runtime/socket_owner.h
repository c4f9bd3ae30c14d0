#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "runtime/address.h"

namespace portcullis {

// A listening socket of this machine (of this network namespace), as /proc/net lists it.
struct ListeningSocket {
  ino_t inode = 0;
  uid_t user = 0;
  std::string address;  // as SocketAddress::to_string()
};

// The listening sockets that stand in the way of one at `address`: at the same port with the same address, or
// where one of both is the wildcard; for a Unix socket those at the same path. Empty also when /proc does not
// tell. Any thread.
std::vector<ListeningSocket> sockets_listening_at(const SocketAddress& address);

// A process that has a socket open.
struct SocketOwner {
  pid_t process = 0;  // 0: not known, because /proc shows only root the descriptors of other users' processes
  std::string name;
};
SocketOwner owner_of(const ListeningSocket& socket);

// True when this process itself has the socket open.
bool is_own_socket(ino_t inode);

// "process 4711 (nginx) listens on 0.0.0.0:80", or as much of it as /proc tells; "" when it tells nothing.
std::string describe_owner(const SocketAddress& address);

}  // namespace portcullis

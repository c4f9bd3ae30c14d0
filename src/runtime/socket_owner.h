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
  std::string address;  // in the format of SocketAddress::to_string()
};

// The listening sockets that prevent listening at `address`: sockets with the same port and the same address,
// or where either address is the wildcard; for a Unix socket, those at the same path. Also empty when /proc
// is not readable. Any thread.
std::vector<ListeningSocket> sockets_listening_at(const SocketAddress& address);

// A process that has a socket open.
struct SocketOwner {
  // 0 when unknown, because /proc shows only root the descriptors of other users' processes.
  pid_t process = 0;
  std::string name;
};
SocketOwner owner_of(const ListeningSocket& socket);

// True when this process itself has the socket open.
bool is_own_socket(ino_t inode);

// Text such as "process 4711 (nginx) listens on 0.0.0.0:80", or the part of it that /proc shows; "" when
// unknown.
std::string describe_owner(const SocketAddress& address);

}  // namespace portcullis

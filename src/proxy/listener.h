#pragma once

#include <memory>
#include <vector>

#include "proxy/snapshot.h"
#include "runtime/acceptor.h"

namespace portcullis::proxy {

// One worker's share of a listener. It is kept over reloads that do not change its address. Its connections
// own it together, so a listener that a reload removed keeps its last settings until its connections have
// ended.
struct Listener {
  SocketAddress address;
  std::shared_ptr<const ListenerSettings> settings;  // usually shares the life of a snapshot
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  bool closing = false;  // no new connections; existing connections end after their current exchange
};

// The listening sockets for each listener of a snapshot; empty for a listener whose sockets the worker has
// already.
using ListenerSockets = std::vector<std::vector<UniqueFd>>;

}  // namespace portcullis::proxy

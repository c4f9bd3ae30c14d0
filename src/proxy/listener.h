#pragma once

#include <memory>
#include <vector>

#include "proxy/snapshot.h"
#include "runtime/acceptor.h"

namespace portcullis::proxy {

struct WorkerSnapshot;

// One worker's share of a listener: it lives through reloads that keep its address. Its connections hold it,
// so that one which a reload removed goes on with its last settings until they have ended.
struct Listener {
  SocketAddress address;
  const ListenerSettings* settings = nullptr;
  std::shared_ptr<WorkerSnapshot> settings_owner;
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  bool closing = false;  // takes no new connections; those it has end after the exchange in hand
};

// Listening sockets for each of a snapshot's listeners: none where the worker has them already.
using ListenerSockets = std::vector<std::vector<UniqueFd>>;

}  // namespace portcullis::proxy

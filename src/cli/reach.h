#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/resolver.h"
#include "runtime/task.h"

namespace portcullis::cli {

// Checks which servers accept connections, all at the same time. One thread.
class Reach {
 public:
  struct Outcome {
    std::string topic;  // "target"
    std::string group;  // servers of which one is sufficient, such as an upstream's targets; empty: a group
                        // of its own
    std::string place;  // "name:port"
    std::string why;    // why the server cannot be reached; empty when it can
  };

  // `name_servers` are the configured name servers for targets; empty: those of the system.
  explicit Reach(const std::vector<std::string>& name_servers);

  // Adds a target. Its name is resolved as the gateway does: by the hosts file, then by the name servers.
  void add_target(const std::string& upstream, const std::string& address);
  // Adds another server. Its name is resolved as the system does.
  void add_server(const std::string& topic, const std::string& group, const std::string& place);
  // Connects to all servers, with a timeout of a few seconds each. The results are in the order of addition.
  const std::vector<Outcome>& run();

 private:
  Task<void> reach(Outcome& asked);
  Task<std::vector<SocketAddress>> look_up(Outcome& asked);

  std::vector<Outcome> asked_;
  EventLoop loop_;
  std::unique_ptr<Resolver> resolver_;  // null when no resolver can be created
  size_t left_ = 0;
  TaskGroup tasks_;
};

}  // namespace portcullis::cli

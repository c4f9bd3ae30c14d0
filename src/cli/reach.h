#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/resolver.h"
#include "runtime/task.h"

namespace portcullis::cli {

// Which servers can be connected to, all tried at once. One thread.
class Reach {
 public:
  struct Outcome {
    std::string topic;  // "target"
    std::string group;  // those of which one is enough: an upstream's targets; empty: there is only this one
    std::string place;  // "name:port"
    std::string why;    // it cannot be reached; empty: it can
  };

  // `name_servers`: those that a configuration names for the names of targets; empty: the system's.
  explicit Reach(const std::vector<std::string>& name_servers);

  // A target, whose name is looked up as the gateway does it: in the hosts file, then by the name servers.
  void add_target(const std::string& upstream, const std::string& address);
  // Another server, whose name is looked up as the system does it.
  void add_server(const std::string& topic, const std::string& group, const std::string& place);
  // Tries all, each for a few seconds at most. In the order in which they were added.
  const std::vector<Outcome>& run();

 private:
  Task<void> reach(Outcome& asked);
  Task<std::vector<SocketAddress>> look_up(Outcome& asked);

  std::vector<Outcome> asked_;
  EventLoop loop_;
  std::unique_ptr<Resolver> resolver_;  // null where there can be none
  size_t left_ = 0;
  TaskGroup tasks_;
};

}  // namespace portcullis::cli

#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/documents.h"
#include "control/author.h"
#include "control/operation.h"
#include "runtime/signal.h"
#include "runtime/task.h"

namespace portcullis::control {

// Has other nodes of the cluster do operations, by events that all nodes get, and collects what they have
// done; does what other nodes ask for. Control thread.
class Errands {
 public:
  // The kind of the events that ask for an operation.
  static constexpr const char* kOperation = "operation";

  using Perform = std::function<Task<OperationResult>(nlohmann::json what, Author by)>;

  // `documents` outlives this object. `id` is the name of this node.
  Errands(EventLoop& loop, cluster::Documents& documents, std::string id, Perform perform)
      : loop_(loop), documents_(documents), id_(std::move(id)), perform_(std::move(perform)) {}

  // Sends an operation to these nodes. The result is its name for collect().
  Task<std::string> send(nlohmann::json what, Author by, std::vector<std::string> nodes);
  // What each of them has done. A node that has not answered after `patience` has the status 504.
  Task<NodeResults> collect(std::string name, Milliseconds patience);

  void on_event(const cluster::Event& event);
  // The node does not answer any more: what it was asked has the status 504.
  void note_lost(const std::string& node);

 private:
  struct Errand {
    std::vector<std::string> nodes;
    NodeResults results{};
  };

  void take_outcome(const std::string& node, const nlohmann::json& told);
  Task<void> serve(nlohmann::json asked);

  EventLoop& loop_;
  cluster::Documents& documents_;
  const std::string id_;
  const Perform perform_;
  std::map<std::string, Errand> waiting_;
  Signal news_;
  TaskGroup serving_;
};

}  // namespace portcullis::control

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cluster/layout.h"
#include "cluster/node.h"
#include "etcd/client.h"
#include "etcd/lease.h"

namespace portcullis::cluster {

// Keeps this node in the list of nodes, and tells the others of its state.
//
// The state is in two keys: `nodes/ID` has a lease of 10 s, and `members/ID` one of an hour, which is kept
// alive as often. So a node that goes without a word is lost after 10 s and gone after an hour, by etcd's
// clock alone. (A new leader of etcd lets leases begin anew.) A node that has no state yet is in no list.
//
// On the loop's thread. The client and the layout must outlive it. Destroying it is going without a word.
class Membership {
 public:
  static constexpr std::chrono::seconds kAlive{10};
  static constexpr std::chrono::seconds kRemembered{3'600};
  static constexpr Milliseconds kRenewal{3'000};

  // `node`: how the node begins; nothing when update() says that later. `on_lease` is called with true when
  // the node has its lease, and with false when it has lost it.
  Membership(etcd::Client& client, const Layout& layout, std::optional<Node> node,
             std::function<void(bool)> on_lease);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Tells the others, now or as soon as etcd answers. Later states replace those that were not told yet.
  void update(Node node);
  // Tells the present state once more, after another process has removed the keys of this node.
  void tell_again() { tell(); }
  // Writes no state any more, because another process is this node from now on.
  void fall_silent();
  // Takes this node out of the list.
  Task<Status> leave();
  // The lease of 10 s, which publications have too.
  const etcd::Lease& lease() const { return alive_; }

 private:
  void tell();
  Task<void> write();

  etcd::Client& client_;
  const Layout& layout_;
  std::optional<Node> node_;
  bool written_ = false;  // the keys have the present state
  bool writing_ = false;
  bool silent_ = false;
  std::function<void(bool)> on_lease_;
  etcd::Lease alive_;
  etcd::Lease remembered_;
  TaskGroup tasks_;
};

}  // namespace portcullis::cluster

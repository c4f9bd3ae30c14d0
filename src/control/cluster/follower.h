#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "runtime/event_loop.h"
#include "runtime/signal.h"
#include "runtime/task.h"

namespace portcullis::control {

// Puts each newest revision of the cluster in force on this node, and remembers why that was not possible.
// Control thread.
class Follower {
 public:
  struct Surroundings {
    // The number of the revision in force.
    std::function<uint64_t()> revision;
    // The number of the revision that the cluster has in force, as far as the node has heard.
    std::function<uint64_t()> newest;
    // Whether the store of this node has that revision, and not another one of the same number, and the node
    // serves the canary of the cluster.
    std::function<bool()> has_newest;
    // Whether that number may be old, because etcd does not answer.
    std::function<bool()> is_stale;
    // Puts the newest revision in force when its turn comes; the task ends when that is done, or when the
    // node has refused it. An error when the revision could not be read.
    std::function<Task<Status>()> follow;
    // What the other members of this class say has changed.
    std::function<void()> on_change;
  };

  // When a revision is tried again without news. One that could not be read is tried after `again`. One that
  // the node has refused costs more, so the pauses double up to `seldom`.
  struct Pauses {
    Milliseconds again{5'000};
    Milliseconds seldom{60'000};
  };

  Follower(EventLoop& loop, Surroundings surroundings, Pauses pauses)
      : loop_(loop), surroundings_(std::move(surroundings)), pauses_(pauses) {}

  // Follows until the task is destroyed.
  Task<void> run();
  // The cluster may have another revision, or etcd may answer again.
  void notify() { news_.notify(); }

  // Why the newest revision cannot be read; empty when it can.
  const std::string& unread() const { return unread_; }
  // The newest revision when it could not be read several times; or else 0.
  uint64_t given_up() const { return failures_ > 1 ? tried_ : 0; }
  // True when this node has seen once what the newest revision of its cluster is, and has tried to serve it.
  bool has_followed() const { return has_followed_; }

 private:
  Task<void> try_once(uint64_t newest);
  void note(const Status& followed, uint64_t newest);

  EventLoop& loop_;
  const Surroundings surroundings_;
  const Pauses pauses_;
  Signal news_;
  uint64_t tried_ = 0;  // the revision that was tried last
  int failures_ = 0;    // how often it could not be read, or was refused
  std::string unread_;
  bool has_followed_ = false;
};

}  // namespace portcullis::control

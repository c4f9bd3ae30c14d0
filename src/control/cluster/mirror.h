#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/content.h"
#include "cluster/keys.h"
#include "cluster/revisions.h"
#include "cluster/view.h"
#include "control/revisions/revision_store.h"
#include "runtime/task.h"
#include "store/store.h"

namespace portcullis::control {

// What the store of this node says of the canary: nothing when there is none. An error when it does not say
// which revision is in force, because the copy is not complete or the text has another form.
Result<std::optional<cluster::Canary>> stored_canary(const std::string& text);

// An error when the store has revisions of its own, so that it cannot be the copy of a cluster. For the
// start: blocks.
Status check_is_copy(RevisionStore& store);

// Copies the revisions of a cluster into the store of this node, in their order, whole and with their
// numbers, and the tags. What is passed must outlive it. One call at a time, but for copy_tags(). Control
// thread; decrypting and writing is done on the store's thread.
class Mirror {
 public:
  Mirror(cluster::Revisions& revisions, RevisionStore& store, cluster::Keys keys)
      : revisions_(revisions), store_(store), keys_(std::move(keys)) {}

  // Reads all revisions that the store does not have. Returns the number of the newest one. An error when the
  // cluster's revisions are not those that the store has, or the store has revisions of its own.
  Task<Result<uint64_t>> catch_up();
  // Copies a revision that this node has published, after all before it, and stores what is in force.
  // `canary_text` is what the key `canary` says now; empty without one.
  Task<Status> add(cluster::ContentPtr content, std::string canary_text);
  // The tags of the cluster have changed. Those of a moment 0 are not known yet, and change nothing.
  Task<Status> copy_tags(cluster::TagsAt tags);
  // What the key `canary` has said when etcd was last asked; nothing without one. An error when that cannot
  // be read, because then this node does not know what is in force.
  Result<std::optional<cluster::Canary>> canary() const;
  // Whether this is the newest revision of the store, as it was when the store was last read or written here.
  bool has(const cluster::Current& current) const {
    return held_ == store::Store::TakenOver{current.number, current.publication};
  }

 private:
  Task<Status> compare(store::Store::TakenOver held);
  Task<Status> copy_after(store::Store::TakenOver held, uint64_t newest, std::string canary);
  Task<Status> copy(std::vector<uint64_t> numbers, std::string canary);
  Task<Status> take_over(std::vector<cluster::ContentPtr> contents, std::string canary);
  Task<Status> write_canary(std::string text);
  Task<Status> write_tags();
  Task<Result<std::vector<uint64_t>>> numbers_after(uint64_t number, uint64_t newest);

  cluster::Revisions& revisions_;
  RevisionStore& store_;
  const cluster::Keys keys_;
  cluster::ContentPtr last_;  // the newest that the store has; null when it is not in memory
  std::optional<store::Store::TakenOver> held_;  // nothing while the store was not read
  std::optional<cluster::TagsAt> tags_;          // nothing while they are not known
  std::optional<store::Tags> written_tags_;
  std::optional<std::string> canary_;  // what the store has of it; nothing while that is not known
};

}  // namespace portcullis::control

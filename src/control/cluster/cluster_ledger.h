#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/publisher.h"
#include "control/revisions/ledger.h"

namespace portcullis::control {

class ClusterMember;

// The revisions of a cluster: etcd decides which one is the newest, and the store of this node has a copy of
// all. Files belong to their nodes, so their objects are in no revision.
class ClusterLedger final : public Ledger {
 public:
  // `member` outlives this object.
  explicit ClusterLedger(ClusterMember& member) : member_(member) {}

  Holds holds() const override { return Holds::kApiOnly; }
  RevisionStore& store() override;
  Result<AtStart> at_start() override;
  // etcd is asked only when the watch tells of another revision than the known one, when a draft was
  // overtaken, and after ask_anew().
  Task<Result<std::optional<NewerRevision>>> newer(store::Head known) override;
  // When the store cannot be written to, the revision is served all the same: the cluster has it.
  Task<Status> note_served(uint64_t number) override;
  Status note_served_first(uint64_t number) override;
  // A revision that is in etcd counts as appended, even when the store of this node cannot be written to.
  Task<Result<store::AppendOutcome>> append(store::Draft draft, store::Changes changes) override;
  Task<Result<store::AppendOutcome>> append_all(store::Draft draft,
                                                std::vector<store::Object> objects) override;
  Task<Result<store::Found<uint64_t>>> tag(std::string name, uint64_t number) override;
  Task<Result<store::Store::Untagged>> remove_tag(std::string name) override;
  SharedCanary* shared_canary() override;
  void ask_anew() override { must_ask_ = true; }

 private:
  Task<Result<store::AppendOutcome>> finish(Task<Result<cluster::PublishOutcome>> publishing,
                                            store::Draft draft);

  ClusterMember& member_;
  bool must_ask_ = false;
  bool is_overtaken_ = false;  // a draft was overtaken by a revision that was not looked at yet
};

}  // namespace portcullis::control

#pragma once

#include <string>
#include <vector>

#include "control/revisions/draft_keeper.h"

namespace portcullis::control {

class ClusterMember;

// The drafts of a cluster, which all of its nodes share: they are in etcd. An error says why, also when the
// key file of this node is not the cluster's. Control thread.
class ClusterDrafts final : public DraftKeeper {
 public:
  // `member` outlives this object.
  explicit ClusterDrafts(ClusterMember& member) : member_(member) {}

  Task<Result<std::vector<std::string>>> names() override;
  // Ends when this node has also heard of what the cluster published before the draft was written, so that
  // the draft is not compared with older objects. A node that hears nothing for a second does without.
  Task<Result<std::optional<KeptDraft>>> read(std::string name) override;
  Task<Result<Outcome>> write(std::string name, std::string text, uint64_t seen) override;
  Task<Result<Outcome>> remove(std::string name, uint64_t seen) override;

 private:
  ClusterMember& member_;
};

}  // namespace portcullis::control

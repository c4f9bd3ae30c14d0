#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/policy.h"
#include "proxy/recording.h"
#include "routing/match.h"
#include "routing/route_table.h"

namespace portcullis::proxy {

// What the routes, policies, splits and plans of a snapshot read of a request. Filled with the snapshot, then
// read by any thread.
class SnapshotReads {
 public:
  // Adds what a policy reads. The policy must live as long as this object.
  void add(const policy::Policy& policy);
  void add(const policy::RequestReads& reads);
  // Adds what the conditions of a route read.
  void add(const routing::Match& match);
  const policy::RequestReads& all() const { return all_; }
  // Ends the filling: `recording` records what all() has.
  void settle(const Recording& recording);

  // What the policy reads; null when it reads nothing.
  const policy::RequestReads* of(const policy::Policy* policy) const;
  // The bits, in the settled recording, of the credentials that the policy judges.
  uint64_t credentials_of(const void* policy) const;
  // The conditions of the routes that cannot be judged for requests of which `recorded` was recorded.
  routing::Doubt doubt_about(const Recording& recorded) const;

 private:
  policy::RequestReads all_;
  std::unordered_map<const void*, policy::RequestReads> of_policies_;
  std::unordered_map<const void*, uint64_t> credentials_;
  std::vector<routing::Predicate> headers_, parameters_;  // of all routes, each once
};

}  // namespace portcullis::proxy

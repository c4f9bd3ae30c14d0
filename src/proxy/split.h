#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/condition.h"
#include "policy/limit_key.h"
#include "proxy/rollback.h"
#include "proxy/split_cookie.h"
#include "telemetry/metrics.h"

namespace portcullis::proxy {

// A share of a route's requests, and the upstream that gets these requests. A route without a split has one
// branch.
struct Branch {
  std::string name{};                          // empty for a route without a split
  size_t upstream = 0;                         // index into Snapshot::upstreams
  size_t subset = 0;                           // index of the subset of the upstream's targets
  std::optional<policy::LimitKey> hash_key{};  // the key for the balancer, if the balancer uses one
  uint32_t weight = 1;
  policy::Condition when{};                            // empty: no condition
  std::shared_ptr<Rollback> rollback{};                // null: the branch is never taken out
  std::vector<telemetry::ResponseMetrics*> metrics{};  // one for each worker; empty without a split

  bool serves(Clock::time_point now) const { return !rollback || !rollback->is_out(now); }
};

// Divides the requests of a route among its branches: by conditions, then by weight. Each request has a
// place, a number. Each branch owns a range of places in proportion to its weight; the ranges follow each
// other in the order of the branches, so a small change of weights moves few places to another branch.
class Split {
 public:
  // How a client is kept on its branch: by a cookie, by a key, or not at all.
  struct Sticky : SplitCookie {
    std::optional<policy::LimitKey> key{};
  };

  Split() = default;
  Split(std::vector<Branch> branches, Sticky sticky);

  bool empty() const { return branches_.empty(); }
  const std::vector<Branch>& branches() const { return branches_; }
  const Sticky& sticky() const { return sticky_; }
  // The only branch; null when there are several.
  const Branch* only() const { return branches_.size() == 1 ? &branches_[0] : nullptr; }
  // True when conditions or keys use the context of the policies.
  bool needs_context() const { return needs_context_; }

  // Adds the parts of the request that the conditions of branches and the key of `sticky` read.
  void add_reads(policy::RequestReads& reads) const;

  // The place that follows from the client's key or cookie; nothing for a new client.
  std::optional<uint32_t> known_place(policy::Context& context) const;
  // The first serving branch whose condition is true, or null.
  const Branch* by_condition(const policy::Context& context, Clock::time_point now) const;
  // The branch that owns this place. The other branches share the places of a branch that does not serve.
  const Branch& by_place(uint32_t place, Clock::time_point now) const;

 private:
  std::vector<Branch> branches_;
  Sticky sticky_;
  bool needs_context_ = false;
};

// The value of the Set-Cookie field for this place, in the arena. `secure`: the client uses TLS.
std::string_view write_place(const Split::Sticky& sticky, uint32_t place, bool secure, Arena& arena);

}  // namespace portcullis::proxy

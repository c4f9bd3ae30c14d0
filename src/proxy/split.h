#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/condition.h"
#include "policy/limit_key.h"
#include "proxy/rollback.h"
#include "telemetry/metrics.h"

namespace portcullis::proxy {

// A part of a route's requests, and the upstream that answers them. A route without a split has one branch.
struct Branch {
  std::string name{};                          // empty without a split
  size_t upstream = 0;                         // index into Snapshot::upstreams
  size_t subset = 0;                           // of the upstream's targets
  std::optional<policy::LimitKey> hash_key{};  // where its balancer goes by one
  uint32_t weight = 1;
  policy::Condition when{};                            // empty: none
  std::shared_ptr<Rollback> rollback{};                // null: it stays
  std::vector<telemetry::ResponseMetrics*> metrics{};  // one for each worker; empty without a split

  bool serves(Clock::time_point now) const { return !rollback || !rollback->is_out(now); }
};

// How a route divides its requests: by conditions, then by weight. A request's place, a number, says where
// among the weights it stands: the branches share out all places in their order, so that a small change of
// weights moves few.
class Split {
 public:
  // What keeps a client with its branch: a cookie, a key, or nothing.
  struct Sticky {
    std::string cookie{};
    std::chrono::seconds ttl{0};  // 0: until the browser ends
    std::optional<policy::LimitKey> key{};
  };

  Split() = default;
  Split(std::vector<Branch> branches, Sticky sticky);

  bool empty() const { return branches_.empty(); }
  const std::vector<Branch>& branches() const { return branches_; }
  const Sticky& sticky() const { return sticky_; }
  // The only branch of a route without a split; else null.
  const Branch* only() const { return branches_.size() == 1 ? &branches_[0] : nullptr; }
  // Whether conditions or keys look at the exchange.
  bool needs_context() const { return needs_context_; }

  // The place that the client has already: by its key or its cookie; nothing for one that is new.
  std::optional<uint32_t> known_place(policy::Context& context) const;
  // The first branch whose condition holds, or null.
  const Branch* by_condition(const policy::Context& context, Clock::time_point now) const;
  // The branch that has this place; the places of a branch that does not serve belong to the others.
  const Branch& by_place(uint32_t place, Clock::time_point now) const;

 private:
  std::vector<Branch> branches_;
  Sticky sticky_;
  bool needs_context_ = false;
};

// The Set-Cookie field's value, in the arena. `secure`: the client came by TLS.
std::string_view write_place(const Split::Sticky& sticky, uint32_t place, bool secure, Arena& arena);

}  // namespace portcullis::proxy

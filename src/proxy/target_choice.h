#pragma once

#include <cstdint>
#include <optional>

#include "proxy/request.h"
#include "proxy/sticky.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

// Chooses the targets that an exchange asks, one after the other: the one that the client's cookie names,
// then those that the balancer gives.
class TargetChoice {
 public:
  // What it refers to outlives this. `request` has a branch.
  TargetChoice(upstream::Upstream& upstream, Request& request, policy::Context& context)
      : upstream_(upstream), request_(request), context_(context) {}

  // The target for the next try, or null when there is none.
  upstream::Target* next();
  // A target that has not been asked, to be asked beside the others; null when there is none.
  upstream::Target* another();
  // `target` is asked.
  void note_asked(const upstream::Target& target) { asked_ |= upstream::Upstream::bit_of(target); }
  // The Set-Cookie value that has the client come back to `target`; empty where there is nothing to be told.
  std::string_view cookie_for(const upstream::Target& target) const;

 private:
  upstream::Upstream& upstream_;
  Request& request_;
  policy::Context& context_;
  uint64_t asked_ = 0;                // targets that have been asked, a bit each
  std::optional<uint64_t> hash_;      // that the balancer goes by
  std::optional<StickyVisit> visit_;  // what the client's cookie says
  bool is_first_ = true;
};

}  // namespace portcullis::proxy

#pragma once

#include <cstdint>
#include <optional>

#include "proxy/request.h"
#include "proxy/sticky.h"
#include "upstream/upstream.h"

namespace portcullis::proxy {

// Chooses the targets that an exchange asks: first the target that the client's cookie names, then the
// targets that the balancer picks.
class TargetChoice {
 public:
  // All references outlive this object. The branch of `request` must be set.
  TargetChoice(upstream::Upstream& upstream, Request& request, policy::Context& context)
      : upstream_(upstream), request_(request), context_(context) {}

  // The target for the next try; null when there is no target.
  upstream::Target* next();
  // A target that has not been asked yet, for a hedge; null when there is none.
  upstream::Target* another();
  // Records that `target` is asked.
  void note_asked(const upstream::Target& target) { asked_ |= upstream::Upstream::bit_of(target); }
  // The Set-Cookie value that makes the client return to `target`; empty when no cookie must be sent.
  std::string_view cookie_for(const upstream::Target& target) const;

 private:
  upstream::Upstream& upstream_;
  Request& request_;
  policy::Context& context_;
  uint64_t asked_ = 0;                // the targets that have been asked, one bit each
  std::optional<uint64_t> hash_;      // the hash for the balancer
  std::optional<StickyVisit> visit_;  // the content of the client's cookie
  bool is_first_ = true;
};

}  // namespace portcullis::proxy

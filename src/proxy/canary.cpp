#include "proxy/canary.h"

#include <algorithm>
#include <cstring>

#include "policy/caller_read.h"

namespace portcullis::proxy {
namespace {

crypto::KeyedHash::Key seed_of(uint64_t revision) {
  crypto::KeyedHash::Key out{'c', 'a', 'n', 'a', 'r', 'y'};
  for (size_t i = 0; i < 8; ++i) out[8 + i] = static_cast<uint8_t>(revision >> (8 * i));
  return out;
}

policy::LimitKey key_by(const std::string& by) {
  if (by == "client") return policy::LimitKey("client.address");
  if (by == "consumer") return policy::LimitKey("consumer.name");
  return policy::LimitKey(by);
}

// True when the text reads what is known only when a route has been chosen.
bool reads_route(const std::string& by) {
  using variables::Variable;
  const auto pieces = variables::parse_text(by, variables::Use::kText, variables::Moment::kRequest);
  return pieces && std::any_of(pieces->begin(), pieces->end(), [](const variables::Piece& piece) {
           if (!piece.variable) return false;
           const Variable read = piece.variable->variable;
           return read == Variable::kPath || read == Variable::kRouteName ||
                  read == Variable::kUpstreamName || read == Variable::kRevision;
         });
}

}  // namespace

CanaryChoice::CanaryChoice(uint64_t revision, const CanaryRules& rules)
    : hash_(seed_of(revision)), of_10_000_(rules.share.of_10_000), key_(key_by(rules.by)) {
  for (const policy::CallerRead& read : key_.caller_reads()) {
    (read.source == policy::CallerRead::Source::kConsumer ? reads_consumer_ : reads_claims_) = true;
  }
  needs_base_ = reads_consumer_ || reads_claims_ || reads_route(rules.by);
}

bool CanaryChoice::takes(std::string_view key) const {
  return !key.empty() && hash_(key) % 10'000 < of_10_000_;
}

}  // namespace portcullis::proxy

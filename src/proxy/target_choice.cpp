#include "proxy/target_choice.h"

#include <utility>

#include "base/hash.h"
#include "base/wall_clock.h"
#include "http/query.h"

namespace portcullis::proxy {

upstream::Target* TargetChoice::next() {
  const upstream::UpstreamDefinition& definition = upstream_.definition();
  if (std::exchange(is_first_, false) && !definition.sticky.cookie.empty()) {
    http::Fields& fields = request_.head.fields;
    if (const auto value = http::find_cookie(fields, definition.sticky.cookie)) {
      visit_ = read_sticky(definition, *value, current_second());
      http::remove_cookie(fields, definition.sticky.cookie, request_.arena);
    }
  }
  const Branch& branch = *request_.branch;
  if (visit_) {
    if (upstream::Target* target = upstream_.find(branch.subset, visit_->target, asked_)) return target;
  }
  if (!hash_) {
    const std::string_view key = branch.hash_key ? branch.hash_key->text_of(context_) : std::string_view();
    hash_ = key.empty() ? upstream_.random() : hash_bytes(key);
  }
  return upstream_.pick(branch.subset, {asked_, *hash_});
}

upstream::Target* TargetChoice::another() {
  upstream::Target* const target =
      upstream_.pick(request_.branch->subset, {asked_, hash_.value_or(upstream_.random())});
  if (target == nullptr || (asked_ & upstream::Upstream::bit_of(*target)) != 0) return nullptr;
  return target;
}

std::string_view TargetChoice::cookie_for(const upstream::Target& target) const {
  const upstream::UpstreamDefinition& definition = upstream_.definition();
  if (definition.sticky.cookie.empty() || (visit_ && visit_->target == target.id() && !visit_->worn))
    return {};
  return write_sticky(definition, target.id(), request_.origin.scheme == "https", current_second(),
                      request_.arena);
}

}  // namespace portcullis::proxy

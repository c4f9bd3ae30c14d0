#include "control/revisions/newer_revision.h"

#include <utility>

namespace portcullis::control {
namespace {

// Whether the store does not have the revision any more that was its newest.
Result<bool> has_lost(store::Store& store, const store::Head& known) {
  if (known.newest == 0) return false;
  const auto found = store.revision(known.newest);
  if (!found) return found.error();
  if (const auto* missing = std::get_if<store::Missing>(&*found))
    return *missing == store::Missing::kRevision;
  return std::get<store::Revision>(*found).hash != known.hash;
}

}  // namespace

Status check_kinds(store::Store& store, uint64_t number) {
  const auto kinds = store.kinds(number);
  if (!kinds) return kinds.error();
  for (const std::string& kind : *kinds) {
    if (config::find_object_kind(kind) == nullptr)
      return Error{"revision " + std::to_string(number) + " has objects of the kind `" + kind +
                   "`, which this version of Portcullis does not know: update this node"};
  }
  return {};
}

Result<std::optional<NewerRevision>> newer_revision(store::Store& store, store::Head head,
                                                    const store::Head& known) {
  std::optional<NewerRevision> out;
  if (head == known) return out;
  const bool is_one = head.newest == head.in_force.number;
  Status usable = check_kinds(store, head.in_force.number);
  if (usable && !is_one) usable = check_kinds(store, head.newest);
  if (!usable) return usable.error();
  auto live = stored_objects(store, head.in_force.number);
  if (!live) return live.error();
  auto newest = is_one ? live : stored_objects(store, head.newest);
  if (!newest) return newest.error();
  const auto lost = has_lost(store, known);
  if (!lost) return lost.error();
  const auto about = store.revision(head.in_force.number);
  if (!about) return about.error();
  const auto* const revision = std::get_if<store::Revision>(&*about);
  out = NewerRevision{std::move(head), std::move(*live), std::move(*newest),
                      revision == nullptr ? std::string() : revision->author, *lost};
  return out;
}

}  // namespace portcullis::control

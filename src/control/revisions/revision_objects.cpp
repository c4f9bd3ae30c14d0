#include "control/revisions/revision_objects.h"

#include <algorithm>
#include <set>
#include <utility>

namespace portcullis::control {

Refusal refuse_missing(store::Missing missing, uint64_t number) {
  const std::string called = "revision " + std::to_string(number);
  if (missing == store::Missing::kExpired)
    return {.status = 410, .title = called + " has expired: it is not kept any more"};
  return {.status = 404, .title = "there is no " + called};
}

Task<RevisionObjects> objects_of_revision(Publisher& publisher, uint64_t number) {
  using Objects = store::Found<std::vector<store::StoredObject>>;
  std::function<Result<Objects>(store::Store&)> read = [number](store::Store& store) {
    return store.objects(number);
  };
  Task<Result<Objects>> reading = publisher.store().ask<Objects>(std::move(read));
  const Result<Objects> found = co_await reading;
  if (!found) co_return Refusal{.status = 503, .title = found.error().message, .retry_later = true};
  if (const auto* missing = std::get_if<store::Missing>(&*found)) co_return refuse_missing(*missing, number);
  std::vector<ObjectPointer> out;
  for (const store::StoredObject& one : std::get<std::vector<store::StoredObject>>(*found)) {
    if (auto object = object_of(one)) out.push_back(std::make_shared<config::Object>(std::move(*object)));
  }
  co_return out;
}

std::vector<Edit> edits_to_restore(const LiveObjects& live, const std::vector<ObjectPointer>& before) {
  std::vector<Edit> out;
  std::set<ObjectId> named;
  for (const ObjectPointer& one : before) {
    if (one->is_from_file()) continue;
    named.insert(id_of(*one));
    out.push_back(
        {.what = Edit::What::kPut,
         .id = id_of(*one),
         .value = std::make_shared<const nlohmann::json>(nlohmann::json::parse(one->json, nullptr, false)),
         .secrets = one->secrets});
  }
  for (const auto& [id, entry] : live.entries()) {
    if (!entry.object->is_from_file() && !named.contains(id))
      out.push_back({.what = Edit::What::kDelete, .id = id});
  }
  return out;
}

}  // namespace portcullis::control

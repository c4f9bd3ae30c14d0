// The calls on single objects: read, create, replace, change and delete.

#include <set>
#include <utility>

#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/kind_calls.h"
#include "control/admin/object_answer.h"
#include "control/operations.h"
#include "control/revisions/publisher.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// Whether there is the object; others may have published it. `changed` then gets the objects that this node
// did not know in this form.
Task<Before> look_for(const AdminWorld& world, const ObjectId& id, std::set<ObjectId>& changed) {
  const Publisher& publisher = world.operations.publisher();
  if (publisher.live().find(id) != nullptr) co_return Before::kThere;
  Task<CaughtUp> catching = world.operations.catch_up();
  CaughtUp caught = co_await catching;
  changed = std::move(caught.changed);
  // A node that cannot serve the newest revision changes that one; only the change itself tells what it has.
  const bool may_be_there = publisher.refused() != 0 || publisher.live().find(id) != nullptr;
  co_return may_be_there ? Before::kThere : Before::kAbsent;
}

// Makes a change of one object, and answers with the object.
Task<ServerAnswer> change_one(const AdminWorld& world, const CallRequest& request, Edit edit, Before before,
                              std::set<ObjectId> changed = {}) {
  const ObjectId id = edit.id;
  ChangeRequest change = change_of(request);
  change.changed_meanwhile = std::move(changed);
  change.edits.push_back(std::move(edit));
  Task<ServerAnswer> answering =
      answer_change(world, request, std::move(change), [&world, &request, id, before](const Published&) {
        const Publisher& publisher = world.operations.publisher();
        return answer_written(publisher, request, publisher.live(), id, before);
      });
  co_return co_await answering;
}

Task<ServerAnswer> put_object(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  json value;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, value);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  std::set<ObjectId> changed;
  Task<Before> looking = look_for(world, id, changed);
  const Before before = co_await looking;
  Task<ServerAnswer> changing =
      change_one(world, request, edit_of(request, Edit::What::kPut, std::move(id), std::move(value)), before,
                 std::move(changed));
  co_return co_await changing;
}

Task<ServerAnswer> patch_object(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  json value;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, value);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  std::set<ObjectId> changed;
  Task<Before> looking = look_for(world, id, changed);
  const Before before = co_await looking;
  if (before == Before::kAbsent && request.field("if-match").empty()) co_return refuse_unknown_object(id);
  const bool is_patch = media_type_of(request.http) == media_type::kJsonPatch;
  Task<ServerAnswer> changing = change_one(
      world, request,
      edit_of(request, is_patch ? Edit::What::kPatch : Edit::What::kMerge, std::move(id), std::move(value)),
      before);
  co_return co_await changing;
}

Task<ServerAnswer> delete_object(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  std::set<ObjectId> changed;
  Task<Before> looking = look_for(world, id, changed);
  const Before before = co_await looking;
  if (before == Before::kAbsent && request.field("if-match").empty()) co_return refuse_unknown_object(id);
  Task<ServerAnswer> changing =
      change_one(world, request, edit_of(request, Edit::What::kDelete, std::move(id)), before);
  co_return co_await changing;
}

Task<ServerAnswer> list_objects(const AdminWorld& world, const CallRequest& request, ObjectId of_kind) {
  co_return answer_list(request, world.operations.publisher().live(), *of_kind.kind);
}

Task<ServerAnswer> get_object(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  const Publisher& publisher = world.operations.publisher();
  co_return answer_object(publisher, request, publisher.live(), id);
}

}  // namespace

void add_object_calls(CallTable& table) {
  add_kind_calls(table, {.prefix = "/v1", .suffix = "", .group = "Objects", .variables = {}},
                 {.list = list_objects,
                  .get = get_object,
                  .put = put_object,
                  .patch = patch_object,
                  .remove = delete_object});
}

}  // namespace portcullis::control

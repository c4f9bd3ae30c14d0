// The calls on several objects at once: changes, whole documents, plans.

#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/object_answer.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/operations.h"
#include "control/revisions/publisher.h"
#include "control/revisions/revision_objects.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

Task<ServerAnswer> make_changes(const AdminWorld& world, const CallRequest& request) {
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  if (auto refusal = refuse_members(document, {"message", "base", "changes"})) co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  if (auto refusal = read_change(document, change)) co_return std::move(*refusal);
  Task<ServerAnswer> answering = answer_change(
      world, request, std::move(change),
      [&request](const Published& published) { return document_answer(request, outcome_of(published)); });
  co_return co_await answering;
}

// A change of the whole document. Returns the answer to a document that cannot be one.
std::optional<ServerAnswer> read_whole(const AdminWorld& world, json document, Others others,
                                       ChangeRequest& out) {
  const Publisher& publisher = world.operations.publisher();
  out.derive = derive_edits(std::make_shared<const json>(std::move(document)), others);
  out.derived_from = publisher.revision();
  auto edits = out.derive(publisher.live());
  if (const auto* refusal = std::get_if<Refusal>(&edits)) return answer_of(*refusal);
  out.edits = std::move(std::get<std::vector<Edit>>(edits));
  return std::nullopt;
}

Task<ServerAnswer> put_config(const AdminWorld& world, const CallRequest& request) {
  const auto prune = flag_of(request, "prune", true);
  if (!prune) co_return refuse_call(400, "`prune` is `true` or `false`");
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  if (auto refusal =
          read_whole(world, std::move(document), *prune ? Others::kRemoved : Others::kKept, change))
    co_return std::move(*refusal);
  Task<ServerAnswer> answering = answer_change(
      world, request, std::move(change),
      [&request](const Published& published) { return document_answer(request, outcome_of(published)); });
  co_return co_await answering;
}

Task<ServerAnswer> plan_change(const AdminWorld& world, const CallRequest& request) {
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  if (document.is_object() && document.contains("changes")) {
    if (auto refusal = refuse_members(document, {"message", "base", "changes"}))
      co_return std::move(*refusal);
    if (auto refusal = read_change(document, change)) co_return std::move(*refusal);
  } else if (auto refusal = read_whole(world, std::move(document), Others::kRemoved, change)) {
    co_return std::move(*refusal);
  }
  Task<ServerAnswer> planning = answer_plan(world, request, std::move(change));
  co_return co_await planning;
}

Task<ServerAnswer> get_config(const AdminWorld& world, const CallRequest& request) {
  const auto number = number_of(request, "revision", 0);
  if (!number) co_return refuse_call(400, "`revision` is a number");
  Publisher& publisher = world.operations.publisher();
  std::vector<ObjectPointer> held;
  if (request.parameter("revision")) {
    Task<RevisionObjects> reading = objects_of_revision(publisher, *number);
    RevisionObjects read = co_await reading;
    if (auto* refusal = std::get_if<Refusal>(&read)) co_return answer_of(*refusal);
    held = std::move(std::get<std::vector<ObjectPointer>>(read));
  } else {
    held = publisher.live().document().objects;
  }
  co_return answer_config(request, held);
}

}  // namespace

void add_change_calls(CallTable& table) {
  std::vector<Call::Answer> answers = change_answers();
  answers.push_back({200, "The change is in force on all workers.", media_type::kJson, outcome_schema()});
  table.add({.method = "POST",
             .path = "/v1/changes",
             .id = "makeChanges",
             .group = "Changes",
             .summary = "Change several objects as one revision, or none of them",
             .role = AdminRole::kPublisher,
             .parameters = {dry_run_parameter()},
             .body = Call::Body{.media_types = {media_type::kJson, media_type::kYaml},
                                .schema = changes_schema(),
                                .max_bytes = Call::kDocumentBody},
             .answers = answers,
             .effect = Call::Effect::kWrites,
             .handle = make_changes});
  table.add({.method = "PUT",
             .path = "/v1/config",
             .id = "putConfig",
             .group = "Changes",
             .summary = "Replace all objects of the API by those of a document",
             .role = AdminRole::kPublisher,
             .parameters = {{"prune", "`false`: objects that the document does not have stay as they are.",
                             shape::boolean()},
                            dry_run_parameter()},
             .body = Call::Body{.media_types = {media_type::kJson, media_type::kYaml},
                                .schema = shape::any("object"),
                                .max_bytes = Call::kDocumentBody},
             .answers = answers,
             .effect = Call::Effect::kWrites,
             .handle = put_config});
  table.add({.method = "GET",
             .path = "/v1/config",
             .id = "getConfig",
             .group = "Changes",
             .summary = "All objects as one document",
             .parameters = {{"revision", "The number of a revision that is kept.", shape::integer()},
                            {"format", "`yaml` or `json`.", shape::choice({"json", "yaml"})}},
             .answers = {{200, "The document.", media_type::kJson, shape::any("object")},
                         {404, "There never was such a revision.", media_type::kProblem},
                         {410, "The revision has expired.", media_type::kProblem}},
             .handle = get_config});
  table.add({.method = "POST",
             .path = "/v1/plan",
             .id = "plan",
             .group = "Changes",
             .summary = "What a change would do",
             .description = "The body is that of `/v1/changes`, or a whole document. Nothing is changed.",
             .body = Call::Body{.media_types = {media_type::kJson, media_type::kYaml},
                                .schema = shape::any("object"),
                                .max_bytes = Call::kDocumentBody},
             .answers = {{200, "The plan, also of a change with errors.", media_type::kJson, plan_schema()},
                         {422, "The body is not a change.", media_type::kProblem}},
             .handle = plan_change});
}

}  // namespace portcullis::control

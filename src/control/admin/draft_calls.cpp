// The calls on drafts: changes that are prepared by several calls, and published as one.

#include <algorithm>
#include <map>
#include <utility>

#include "control/admin/call_check.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/kind_calls.h"
#include "control/admin/object_answer.h"
#include "control/admin/problem.h"
#include "control/admin/publish_answer.h"
#include "control/admin/shapes.h"
#include "control/operations.h"
#include "control/revisions/draft_service.h"
#include "control/revisions/object_diff.h"
#include "http/date.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

constexpr const char* kDraft = "draft";  // the variable of the path

json summarize(const std::string& name, const ObjectsDraft& draft) {
  return {{"name", name},
          {"author", draft.author},
          {"time", http::write_timestamp(draft.time)},
          {"changed_by", draft.changed_by},
          {"changed", http::write_timestamp(draft.changed)},
          {"objects", draft.objects.size()}};
}

// What a draft does with each of its objects.
json describe_changes(const ObjectsDraft& draft, const LiveObjects& live) {
  json out = json::array();
  for (const auto& [id, one] : draft.objects) {
    const bool is_live = live.find(id) != nullptr;
    const char* const change = one.draft == nullptr ? "removed" : is_live ? "changed" : "added";
    out.push_back({{"kind", id.kind->word()}, {"name", id.name}, {"change", change}});
  }
  return out;
}

Task<ServerAnswer> list_drafts(const AdminWorld& world, const CallRequest& request) {
  Task<DraftService::All> reading = world.operations.drafts().all();
  const DraftService::All all = co_await reading;
  if (const auto* refusal = std::get_if<Refusal>(&all)) co_return answer_of(*refusal);
  const LiveObjects& live = world.operations.publisher().live();
  json items = json::array();
  for (const auto& [name, draft] : std::get<0>(all)) {
    json item = summarize(name, draft);
    item["changes"] = describe_changes(draft, live);
    item["conflicts"] = json::array();
    for (const json& one : conflicts_of(draft, live))
      item["conflicts"].push_back({{"kind", one["kind"]}, {"name", one["name"]}});
    items.push_back(std::move(item));
  }
  co_return document_answer(request, {{"items", std::move(items)}});
}

Task<ServerAnswer> get_draft(const AdminWorld& world, const CallRequest& request) {
  const std::string name = request.variable(kDraft);
  Task<DraftService::Found> finding = world.operations.drafts().find(name);
  const DraftService::Found found = co_await finding;
  if (const auto* refusal = std::get_if<Refusal>(&found)) co_return answer_of(*refusal);
  const ObjectsDraft& draft = std::get<SeenDraft>(found).draft;
  const LiveObjects& live = world.operations.publisher().live();
  json objects = json::array();
  for (const auto& [id, one] : draft.objects) {
    const LiveObjects::Entry* const entry = live.find(id);
    objects.push_back(describe_difference(entry == nullptr ? nullptr : entry->object.get(), one.draft.get()));
  }
  json out = summarize(name, draft);
  out.erase("objects");
  out["diff"] = {{"objects", std::move(objects)}};
  out["conflicts"] = conflicts_of(draft, live);
  co_return document_answer(request, out);
}

void audit_draft(const AdminWorld& world, const CallRequest& request, const char* action,
                 const ChangeRequest& change, const std::optional<Refusal>& refusal) {
  constexpr size_t kMaxNamed = 100;
  json objects = json::array();
  for (size_t i = 0; i < std::min(change.edits.size(), kMaxNamed); ++i)
    objects.push_back(change.edits[i].id.title());
  json details{{"draft", request.variable(kDraft)}, {"objects", std::move(objects)}};
  details["outcome"] = refusal ? "refused" : "succeeded";
  if (refusal) details["status"] = refusal->status;
  world.operations.audit(action, request.author, details);
}

Task<ServerAnswer> delete_draft(const AdminWorld& world, const CallRequest& request) {
  Task<std::optional<Refusal>> removing =
      world.operations.drafts().remove(request.variable(kDraft), std::nullopt, change_of(request));
  const std::optional<Refusal> refusal = co_await removing;
  audit_draft(world, request, "delete_draft", change_of(request), refusal);
  if (refusal) co_return answer_of(*refusal);
  co_return ServerAnswer{.status = 204, .content_type = ""};
}

// The plan of a draft. `sent` are the edits in the request: diagnostics of their objects point into them.
ChangeRequest publication_of(const CallRequest& request, const ObjectsDraft& draft,
                             const std::vector<Edit>& sent = {}) {
  ChangeRequest out = change_of(request);
  out.edits = edits_of(draft);
  std::map<ObjectId, const Edit*> places;
  for (const Edit& one : sent) places[one.id] = &one;
  for (Edit& edit : out.edits) {
    const auto place = places.find(edit.id);
    if (place == places.end()) continue;
    edit.path = place->second->path;
    edit.is_sent = true;
  }
  return out;
}

using AnswerView = std::function<ServerAnswer(const LiveObjects&, const ObjectsDraft&)>;

// Writes into the draft of the path. `answer` makes the answer from what is live with the draft on it. With
// `?dry_run=true` nothing is written, and the answer is the plan of the draft as it would be.
Task<ServerAnswer> change_draft(const AdminWorld& world, const CallRequest& request, ChangeRequest change,
                                AnswerView answer) {
  const auto dry_run = flag_of(request, "dry_run", false);
  if (!dry_run) co_return refuse_call(400, "`dry_run` is `true` or `false`");
  DraftService& drafts = world.operations.drafts();
  const std::string name = request.variable(kDraft);
  Task<DraftService::Found> changing =
      *dry_run ? drafts.try_change(name, change) : drafts.change(name, change);
  const DraftService::Found found = co_await changing;
  const auto* const refusal = std::get_if<Refusal>(&found);
  if (!*dry_run)
    audit_draft(world, request, "change_draft", change,
                refusal == nullptr ? std::nullopt : std::optional(*refusal));
  if (refusal != nullptr) {
    const bool is_fault_of_sent = refusal->status == 422 && !refusal->findings.empty();
    co_return *dry_run&& is_fault_of_sent ? answer_unplanned(request, *refusal) : answer_of(*refusal);
  }
  const ObjectsDraft& draft = std::get<SeenDraft>(found).draft;
  if (*dry_run) {
    Task<ServerAnswer> planning =
        answer_dry_run(world, request, publication_of(request, draft, change.edits));
    co_return co_await planning;
  }
  co_return answer(drafts.view(draft), draft);
}

// What is live with the draft of the path on it; without such a draft, what is live or the refusal.
enum class Absent { kIsLive, kIsRefused };
using View = std::variant<LiveObjects, Refusal>;
Task<View> view_of(const AdminWorld& world, const CallRequest& request, Absent absent) {
  DraftService& drafts = world.operations.drafts();
  Task<DraftService::Found> finding = drafts.find(request.variable(kDraft));
  DraftService::Found found = co_await finding;
  if (auto* refusal = std::get_if<Refusal>(&found)) {
    const bool is_absent = refusal->status == 404 && absent == Absent::kIsLive;
    if (is_absent) co_return world.operations.publisher().live();
    co_return std::move(*refusal);
  }
  co_return drafts.view(std::get<SeenDraft>(found).draft);
}

Task<ServerAnswer> list_in_draft(const AdminWorld& world, const CallRequest& request, ObjectId of_kind) {
  Task<View> reading = view_of(world, request, Absent::kIsRefused);
  const View view = co_await reading;
  if (const auto* refusal = std::get_if<Refusal>(&view)) co_return answer_of(*refusal);
  co_return answer_list(request, std::get<LiveObjects>(view), *of_kind.kind);
}

Task<ServerAnswer> get_in_draft(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  Task<View> reading = view_of(world, request, Absent::kIsRefused);
  const View view = co_await reading;
  if (const auto* refusal = std::get_if<Refusal>(&view)) co_return answer_of(*refusal);
  co_return answer_object(world.operations.publisher(), request, std::get<LiveObjects>(view), id);
}

Task<ServerAnswer> change_one_in_draft(const AdminWorld& world, const CallRequest& request, Edit edit) {
  Task<View> reading = view_of(world, request, Absent::kIsLive);
  const View view = co_await reading;
  if (const auto* refusal = std::get_if<Refusal>(&view)) co_return answer_of(*refusal);
  const ObjectId id = edit.id;
  const bool is_there = std::get<LiveObjects>(view).find(id) != nullptr;
  if (!is_there && edit.what != Edit::What::kPut && edit.preconditions.if_match.empty())
    co_return refuse_unknown_object(id);
  ChangeRequest change = change_of(request);
  change.edits.push_back(std::move(edit));
  Task<ServerAnswer> changing =
      change_draft(world, request, std::move(change),
                   [&world, &request, id, is_there](const LiveObjects& objects, const ObjectsDraft&) {
                     return answer_written(world.operations.publisher(), request, objects, id,
                                           is_there ? Before::kThere : Before::kAbsent);
                   });
  co_return co_await changing;
}

Task<ServerAnswer> put_in_draft(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  json value;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, value);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  Task<ServerAnswer> changing = change_one_in_draft(
      world, request, edit_of(request, Edit::What::kPut, std::move(id), std::move(value)));
  co_return co_await changing;
}

Task<ServerAnswer> patch_in_draft(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  json value;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, value);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  const bool is_patch = media_type_of(request.http) == media_type::kJsonPatch;
  Task<ServerAnswer> changing = change_one_in_draft(
      world, request,
      edit_of(request, is_patch ? Edit::What::kPatch : Edit::What::kMerge, std::move(id), std::move(value)));
  co_return co_await changing;
}

Task<ServerAnswer> delete_in_draft(const AdminWorld& world, const CallRequest& request, ObjectId id) {
  Task<ServerAnswer> changing =
      change_one_in_draft(world, request, edit_of(request, Edit::What::kDelete, std::move(id)));
  co_return co_await changing;
}

AnswerView answer_summary(const CallRequest& request) {
  return [&request](const LiveObjects&, const ObjectsDraft& draft) {
    return document_answer(request, summarize(request.variable(kDraft), draft));
  };
}

Task<ServerAnswer> make_changes_in_draft(const AdminWorld& world, const CallRequest& request) {
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  if (auto refusal = refuse_members(document, {"message", "changes"})) co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  if (auto refusal = read_draft_change(document, change)) co_return std::move(*refusal);
  Task<ServerAnswer> changing = change_draft(world, request, std::move(change), answer_summary(request));
  co_return co_await changing;
}

Task<ServerAnswer> get_config_in_draft(const AdminWorld& world, const CallRequest& request) {
  Task<View> reading = view_of(world, request, Absent::kIsRefused);
  const View view = co_await reading;
  if (const auto* refusal = std::get_if<Refusal>(&view)) co_return answer_of(*refusal);
  co_return answer_config(request, std::get<LiveObjects>(view).document().objects);
}

Task<ServerAnswer> put_config_in_draft(const AdminWorld& world, const CallRequest& request) {
  const auto prune = flag_of(request, "prune", true);
  if (!prune) co_return refuse_call(400, "`prune` is `true` or `false`");
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  change.derive = derive_edits(std::make_shared<const json>(std::move(document)),
                               *prune ? Others::kRemoved : Others::kKept);
  Task<ServerAnswer> changing = change_draft(world, request, std::move(change), answer_summary(request));
  co_return co_await changing;
}

Task<ServerAnswer> plan_draft(const AdminWorld& world, const CallRequest& request) {
  Task<DraftService::Found> finding = world.operations.drafts().find(request.variable(kDraft));
  const DraftService::Found found = co_await finding;
  if (const auto* refusal = std::get_if<Refusal>(&found)) co_return answer_of(*refusal);
  Task<ServerAnswer> planning =
      answer_plan(world, request, publication_of(request, std::get<SeenDraft>(found).draft));
  co_return co_await planning;
}

Task<ServerAnswer> publish_this_draft(const AdminWorld& world, const CallRequest& request) {
  json document;
  if (!request.http.body.empty()) {
    Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
    if (auto refusal = co_await reading) co_return std::move(*refusal);
  }
  Task<ServerAnswer> publishing =
      publish_draft(world, request, request.variable(kDraft), std::move(document));
  co_return co_await publishing;
}

json summary_schema() {
  return shape::object({{"name", shape::text()},
                        {"author", shape::text("Who has made it.")},
                        {"time", shape::text("When it was made, in UTC.")},
                        {"changed_by", shape::text("Who has changed it last.")},
                        {"changed", shape::text("When it was changed last, in UTC.")},
                        {"objects", shape::integer("How many objects it changes.")}});
}

json item_schema() {
  const json title = shape::object({{"kind", shape::text()}, {"name", shape::text()}});
  const json change = shape::object({{"kind", shape::text()},
                                     {"name", shape::text()},
                                     {"change", shape::choice({"added", "changed", "removed"})}});
  json out = summary_schema();
  for (const auto& [name, member] : {std::pair("changes", change), std::pair("conflicts", title)}) {
    out["properties"][name] = shape::list(member);
    out["required"].push_back(name);
  }
  return out;
}

Call of_draft(const char* method, const std::string& rest, std::string id, std::string summary) {
  Call out{.method = method,
           .path = "/v1/drafts/{draft}" + rest,
           .id = std::move(id),
           .group = "Drafts",
           .summary = std::move(summary),
           .variables = {{kDraft, "The name of the draft."}},
           .answers = {{404, "There is no such draft.", media_type::kProblem},
                       {503, "The drafts cannot be read at present.", media_type::kProblem}}};
  if (std::string_view(method) != "GET" && rest != "/plan") {
    out.role = AdminRole::kPublisher;
    out.effect = Call::Effect::kWrites;
    out.answers = change_answers();
  }
  return out;
}

void add_draft_itself(CallTable& table) {
  table.add({.method = "GET",
             .path = "/v1/drafts",
             .id = "listDrafts",
             .group = "Drafts",
             .summary = "List the drafts",
             .description =
                 "`conflicts` names the objects that others have changed since they were written into "
                 "the draft.",
             .answers = {{200, "The drafts, in the order of their names.", media_type::kJson,
                          shape::object({{"items", shape::list(item_schema())}})},
                         {503, "The drafts cannot be read at present.", media_type::kProblem}},
             .handle = list_drafts});
  Call reading = of_draft("GET", "", "getDraft", "How what is in force would differ");
  reading.answers.push_back(
      {200, "The draft.", media_type::kJson,
       shape::object({{"name", shape::text()},
                      {"author", shape::text()},
                      {"time", shape::text()},
                      {"changed_by", shape::text()},
                      {"changed", shape::text()},
                      {"diff", shape::object({{"objects", shape::list(shape::any("object"))}})},
                      {"conflicts", shape::list(shape::any("object"))}})});
  reading.description =
      "`conflicts` are the objects that others have changed since they were written into the draft, as "
      "`[{kind, name, base, live, draft}]`.";
  reading.handle = get_draft;
  table.add(std::move(reading));
  Call deleting = of_draft("DELETE", "", "deleteDraft", "Delete a draft");
  deleting.answers.push_back({204, "The draft is gone."});
  deleting.handle = delete_draft;
  table.add(std::move(deleting));
}

Call::Body body_of_draft(json schema) {
  return {.media_types = {media_type::kJson, media_type::kYaml},
          .schema = std::move(schema),
          .max_bytes = Call::kDocumentBody};
}

void add_several(CallTable& table) {
  Call changing = of_draft("POST", "/changes", "makeChangesInDraft", "Change several objects of a draft");
  changing.description =
      "`{reset: {kind, name}}` among the changes takes an object out of the draft, so that it is as in "
      "force. Resets come before the other changes.";
  changing.parameters = {dry_run_parameter()};
  changing.body = body_of_draft(draft_changes_schema());
  changing.answers.push_back({200, "The draft.", media_type::kJson, summary_schema()});
  changing.handle = make_changes_in_draft;
  table.add(std::move(changing));
  Call reading = of_draft("GET", "/config", "getConfigInDraft", "All objects of a draft as one document");
  reading.parameters = {{"format", "`yaml` or `json`.", shape::choice({"json", "yaml"})}};
  reading.answers.push_back({200, "The document.", media_type::kJson, shape::any("object")});
  reading.handle = get_config_in_draft;
  table.add(std::move(reading));
  Call putting = of_draft("PUT", "/config", "putConfigInDraft",
                          "Replace all objects of the API in a draft by those of a document");
  putting.parameters = {
      {"prune", "`false`: objects that the document does not have stay as they are.", shape::boolean()},
      dry_run_parameter()};
  putting.body = body_of_draft(shape::any("object"));
  putting.answers.push_back({200, "The draft.", media_type::kJson, summary_schema()});
  putting.handle = put_config_in_draft;
  table.add(std::move(putting));
}

void add_ends(CallTable& table) {
  Call planning = of_draft("POST", "/plan", "planDraft", "What the publication of a draft would do");
  planning.answers.push_back(
      {200, "The plan, also of a draft with errors.", media_type::kJson, plan_schema()});
  planning.handle = plan_draft;
  table.add(std::move(planning));
  Call publishing = of_draft("POST", "/publish", "publishDraft", "Publish a draft, which is then gone");
  publishing.description =
      "When others have changed an object since it was written into the draft, nothing is published: 409, "
      "with "
      "`objects: [{kind, name, base, live, draft}]`.";
  publishing.parameters = {dry_run_parameter()};
  publishing.body = body_of_draft(conditions_schema());
  publishing.body->required = false;
  publishing.answers.push_back({200, "The revision is in force on all workers, or its canary has begun.",
                                media_type::kJson, published_schema()});
  publishing.handle = publish_this_draft;
  table.add(std::move(publishing));
}

}  // namespace

void add_draft_calls(CallTable& table) {
  add_draft_itself(table);
  add_several(table);
  add_ends(table);
  add_kind_calls(table,
                 {.prefix = "/v1/drafts/{draft}",
                  .suffix = "InDraft",
                  .words = " in a draft",
                  .group = "Drafts",
                  .variables = {{kDraft, "The name of the draft."}}},
                 {.list = list_in_draft,
                  .get = get_in_draft,
                  .put = put_in_draft,
                  .patch = patch_in_draft,
                  .remove = delete_in_draft});
}

}  // namespace portcullis::control

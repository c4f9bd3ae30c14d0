// The calls that publish changes under conditions, and those on the canary.

#include <utility>

#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "control/admin/publish_answer.h"
#include "control/admin/shapes.h"
#include "control/operations.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

Task<ServerAnswer> publish(const AdminWorld& world, const CallRequest& request) {
  json document;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, document);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  if (document.is_object() && document.contains("draft")) {
    if (!document["draft"].is_string()) co_return refuse_document("/draft", "expected the name of a draft");
    const std::string name = document["draft"].get<std::string>();
    document.erase("draft");
    Task<ServerAnswer> publishing = publish_draft(world, request, name, std::move(document));
    co_return co_await publishing;
  }
  if (auto refusal =
          refuse_members(document, {"changes", "message", "base", "max_changed", "wait", "canary"}))
    co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  if (auto refusal = read_change(document, change)) co_return std::move(*refusal);
  if (auto refusal = read_conditions(document, change)) co_return std::move(*refusal);
  std::optional<Published> made;
  Task<ServerAnswer> answering =
      answer_change(world, request, std::move(change), [&](const Published& published) {
        made = published;
        return answer_published(world, request, published);
      });
  ServerAnswer answer = co_await answering;
  if (!made || !document.contains("wait")) co_return answer;
  Task<ServerAnswer> waiting = wait_for_all(world, request, *made, std::move(answer));
  co_return co_await waiting;
}

ServerAnswer get_canary(const AdminWorld& world, const CallRequest& request) {
  const json canary = world.operations.changes().canary().state();
  return canary.is_null() ? refuse_call(404, "there is no canary") : document_answer(request, canary);
}

Task<ServerAnswer> end_canary(const AdminWorld& world, const CallRequest& request, bool promotes) {
  CanaryKeeper& canary = world.operations.changes().canary();
  const json before = canary.state();
  Task<std::optional<Refusal>> ending =
      promotes ? canary.promote(request.author, request.caller.labels) : canary.withdraw(request.author);
  const std::optional<Refusal> refusal = co_await ending;
  if (refusal) {
    world.operations.audit(promotes ? "promote_canary" : "withdraw_canary", request.author,
                           {{"outcome", "refused"}, {"status", refusal->status}});
    co_return answer_of(*refusal);
  }
  co_return document_answer(request, before);
}

json publish_schema() {
  json out = changes_schema();
  out.erase("required");  // `changes`, or `draft` in its place
  json& members = out["properties"];
  members["draft"] = shape::text("The name of a draft that is published, instead of `changes`.");
  members.update(conditions_schema()["properties"]);
  return out;
}

void add_publish(CallTable& table) {
  std::vector<Call::Answer> answers = change_answers();
  answers.push_back({200, "The revision is in force on all workers, or its canary has begun.",
                     media_type::kJson, published_schema()});
  table.add({.method = "POST",
             .path = "/v1/publish",
             .id = "publish",
             .group = "Publishing",
             .summary = "Publish a change within a bound, or to a share of the requests first",
             .description =
                 "When more of the recorded requests than `max_changed` would have another outcome, "
                 "nothing is published: 409, with the report in `rehearsal`.",
             .role = AdminRole::kPublisher,
             .parameters = {dry_run_parameter()},
             .body = Call::Body{.media_types = {media_type::kJson, media_type::kYaml},
                                .schema = publish_schema(),
                                .max_bytes = Call::kDocumentBody},
             .answers = std::move(answers),
             .effect = Call::Effect::kWrites,
             .handle = publish});
}

Call of_canary(const char* method, const std::string& rest, std::string id, std::string summary) {
  return {.method = method,
          .path = "/v1/canary" + rest,
          .id = std::move(id),
          .group = "Publishing",
          .summary = std::move(summary),
          .answers = {{404, "There is no canary.", media_type::kProblem}}};
}

void add_end(CallTable& table, bool promotes) {
  Call call = promotes ? of_canary("POST", "/promote", "promoteCanary", "Put the canary in force")
                       : of_canary("POST", "/withdraw", "withdrawCanary", "End the canary");
  call.role = promotes ? AdminRole::kPublisher : AdminRole::kOperator;
  call.effect = Call::Effect::kWrites;
  call.answers.push_back({200, "The canary as it was before.", media_type::kJson, canary_schema()});
  call.answers.push_back(
      {409,
       promotes ? "Another change is under way, or the canary has ended." : "The canary has ended meanwhile.",
       media_type::kProblem});
  call.answers.push_back(
      {503, "The store cannot be written to, or the gateway drains.", media_type::kProblem});
  call.handle = [promotes](const AdminWorld& world, const CallRequest& request) {
    return end_canary(world, request, promotes);
  };
  table.add(std::move(call));
}

}  // namespace

void add_publish_calls(CallTable& table) {
  add_publish(table);
  Call reading = of_canary("GET", "", "getCanary", "The revision that serves a share of the requests");
  reading.answers.push_back({200, "The canary and what it has served.", media_type::kJson, canary_schema()});
  reading.handle = at_once(get_canary);
  table.add(std::move(reading));
  add_end(table, true);
  add_end(table, false);
}

}  // namespace portcullis::control

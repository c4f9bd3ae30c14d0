#include "control/admin/publish_answer.h"

#include <utility>

#include "base/say.h"
#include "control/admin/call_check.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/operations.h"
#include "control/revisions/canary_settings.h"
#include "control/revisions/draft_service.h"

namespace portcullis::control {

using nlohmann::json;

std::optional<ServerAnswer> read_conditions(const json& document, ChangeRequest& out) {
  if (const auto bound = document.find("max_changed"); bound != document.end()) {
    const auto read = ChangedBound::read(*bound);
    if (!read) return refuse_document("/max_changed", read.error().message);
    out.max_changed = *read;
  }
  // The answer always waits for all workers of this node; `all` waits for all nodes of a cluster too.
  if (document.contains("wait") && document["wait"] != "all")
    return refuse_document("/wait", "expected `all`");
  const auto canary = document.find("canary");
  if (canary == document.end()) return std::nullopt;
  auto rules = read_canary(*canary, "/canary");
  if (auto* faults = std::get_if<std::vector<Finding>>(&rules)) {
    std::string title = faults->front().message;
    return answer_of({.status = 422, .title = std::move(title), .findings = std::move(*faults)});
  }
  out.canary = std::get<proxy::CanaryRules>(std::move(rules));
  return std::nullopt;
}

namespace {

json told_of(const AdminWorld& world, const Published& published) {
  json told = outcome_of(published);
  const json canary = world.operations.changes().canary().state();
  if (canary.is_object() && canary["revision"] == published.revision) told["canary"] = canary;
  return told;
}

}  // namespace

ServerAnswer answer_published(const AdminWorld& world, const CallRequest& request,
                              const Published& published) {
  return document_answer(request, told_of(world, published));
}

Task<ServerAnswer> wait_for_all(const AdminWorld& world, const CallRequest& request, Published published,
                                ServerAnswer answer) {
  Task<json> waiting = world.operations.wait_for_all(published.revision);
  json nodes = co_await waiting;
  if (nodes.is_null()) co_return answer;
  json told = told_of(world, published);
  told["nodes"] = std::move(nodes);
  co_return document_answer(request, told);
}

Task<ServerAnswer> publish_draft(const AdminWorld& world, const CallRequest& request, std::string name,
                                 json document) {
  if (document.is_null()) document = json::object();
  if (auto refusal = refuse_members(document, {"message", "max_changed", "wait", "canary"}))
    co_return std::move(*refusal);
  ChangeRequest change = change_of(request);
  document["changes"] = json::array();
  if (auto refusal = read_change(document, change)) co_return std::move(*refusal);
  if (auto refusal = read_conditions(document, change)) co_return std::move(*refusal);
  DraftService& drafts = world.operations.drafts();
  Task<DraftService::Found> finding = drafts.find(name);
  DraftService::Found found = co_await finding;
  if (const auto* refusal = std::get_if<Refusal>(&found)) co_return answer_of(*refusal);
  const SeenDraft seen = std::move(std::get<SeenDraft>(found));
  if (change.message.empty()) change.message = "publish the draft " + name;
  change.edits = edits_of(seen.draft);
  change.derive = [draft = seen.draft](const LiveObjects& live) -> std::variant<std::vector<Edit>, Refusal> {
    if (auto refusal = refuse_overtaken(draft, live)) return std::move(*refusal);
    return edits_of(draft);
  };
  if (flag_of(request, "dry_run", false).value_or(false)) {
    if (auto refusal = refuse_overtaken(seen.draft, world.operations.publisher().live()))
      co_return answer_of(*refusal);
  }
  std::optional<Published> made;
  Task<ServerAnswer> answering = answer_change(world, request, change, [&](const Published& published) {
    made = published;
    return answer_published(world, request, published);
  });
  ServerAnswer answer = co_await answering;
  if (!made) co_return answer;
  Task<std::optional<Refusal>> removing = drafts.remove(name, seen.version, change_of(request));
  const std::optional<Refusal> kept = co_await removing;
  if (kept)
    say(Level::kWarning, "the draft " + name + " is published, and could not be deleted: " + kept->title);
  if (!document.contains("wait")) co_return answer;
  Task<ServerAnswer> all = wait_for_all(world, request, *made, std::move(answer));
  co_return co_await all;
}

json canary_schema() {
  const json counts = shape::object(
      {{"requests", shape::integer()},
       {"errors", shape::integer("Responses with a status of 500 or more.")},
       {"mean_ms", shape::or_null(shape::number("The mean time until a response's last byte, in "
                                                "milliseconds; null before the first request."))}});
  json turns = shape::list(shape::text());
  turns["description"] = "With `nodes` in a cluster: the ids of the nodes that serve it, in their order.";
  return shape::object(
      {{"revision", shape::integer("The revision that serves a share of the requests.")},
       {"base", shape::integer("The revision in force.")},
       {"share", shape::text("The share of requests: `5%`.")},
       {"by", shape::text("Requests with the same key are served by the same revision.")},
       {"since", shape::text("When it began, in UTC.")},
       {"until", shape::or_null(shape::text("When it ends, in UTC; null with `nodes`."))},
       {"nodes",
        shape::or_null(shape::integer("How many more nodes serve it, with all of their requests, in each "
                                      "step; null when all nodes serve the same share."))},
       {"turns", std::move(turns)},
       {"promote", shape::boolean()},
       {"withdraw_when",
        shape::object({{"errors_above", shape::text()}, {"min_requests", shape::integer()}})},
       {"counts", shape::object({{"canary", counts}, {"base", counts}})}});
}

json published_schema() {
  json out = outcome_schema();
  out["properties"]["canary"] = canary_schema();
  out["properties"]["nodes"] = shape::any(
      "object", "With `wait: all` in a cluster, by the id of each node: `serves`, `revision`, `last_error`.");
  return out;
}

json conditions_schema() {
  json out = shape::object({{"message", shape::text("Why the change is made.")}});
  out.erase("required");
  json& members = out["properties"];
  members["max_changed"] = shape::anything(
      "How many of the recorded requests may have another outcome: a number, or a share such as `5%`.");
  members["wait"] = shape::choice({"all"});
  members["wait"]["description"] =
      "The answer comes when all nodes of the cluster serve the revision or have refused it, at the latest "
      "after 30 s.";
  members["canary"] = shape::any(
      "object",
      "`{share: 5%, by?: client, for: 5m, promote?: true, withdraw_when?: {errors_above?: 5%, min_requests?: "
      "50}}`: the revision serves a share of the requests first. With `nodes: 1` in place of `share` and "
      "`by`, "
      "the nodes of a cluster serve it one after the other, and `for` is the time of each step.");
  return out;
}

}  // namespace portcullis::control

// The calls on revisions: list, read, compare, restore, tag.

#include <utility>

#include "base/text.h"
#include "config/labels.h"
#include "control/admin/call_check.h"
#include "control/admin/call_table.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/operations.h"
#include "control/revisions/object_diff.h"
#include "control/revisions/publisher.h"
#include "control/revisions/revision_objects.h"
#include "http/date.h"

namespace portcullis::control {
namespace {

using config::AdminRole;
using nlohmann::json;

json describe_revision(const store::Revision& revision) {
  return {{"number", revision.number},   {"time", http::write_timestamp(revision.time)},
          {"author", revision.author},   {"message", revision.message},
          {"parent", revision.parent},   {"hash", revision.hash},
          {"summary", revision.summary}, {"tags", revision.tags}};
}

ServerAnswer store_away(const Error& error) {
  return refuse_call(503, error.message, "retry-after: 5\r\n");
}

Task<ServerAnswer> list_revisions(const AdminWorld& world, const CallRequest& request) {
  const auto limit = number_of(request, "limit", kDefaultPage);
  const auto after = number_of(request, "after", UINT64_MAX);
  if (!limit || *limit == 0 || !after)
    co_return refuse_call(400, "`limit` is a number from 1 on, and `after` the number of a revision");
  const size_t count = std::min(*limit, kMaxPage);
  std::function<Result<std::vector<store::Revision>>(store::Store&)> read =
      [its_after = *after, count](store::Store& store) { return store.revisions(its_after, count + 1); };
  Task<Result<std::vector<store::Revision>>> reading =
      world.operations.publisher().store().ask<std::vector<store::Revision>>(std::move(read));
  const auto revisions = co_await reading;
  if (!revisions) co_return store_away(revisions.error());
  json out{{"items", json::array()}};
  for (size_t i = 0; i < std::min(count, revisions->size()); ++i)
    out["items"].push_back(describe_revision((*revisions)[i]));
  if (revisions->size() > count) out["next"] = (*revisions)[count - 1].number;
  co_return document_answer(request, out);
}

ServerAnswer no_revision(store::Missing missing, uint64_t number) {
  return answer_of(refuse_missing(missing, number));
}

Task<ServerAnswer> get_revision(const AdminWorld& world, const CallRequest& request) {
  const auto number = parse_decimal(request.variable("number"));
  if (!number) co_return refuse_call(404, "there is no revision `" + request.variable("number") + "`");
  std::function<Result<store::Found<store::Revision>>(store::Store&)> read =
      [its_number = *number](store::Store& store) { return store.revision(its_number); };
  Task<Result<store::Found<store::Revision>>> reading =
      world.operations.publisher().store().ask<store::Found<store::Revision>>(std::move(read));
  const auto found = co_await reading;
  if (!found) co_return store_away(found.error());
  if (const auto* missing = std::get_if<store::Missing>(&*found)) co_return no_revision(*missing, *number);
  co_return document_answer(request, describe_revision(std::get<store::Revision>(*found)));
}

// The objects that differ, in pairs of which one may be null.
std::vector<std::pair<const config::Object*, const config::Object*>> pairs_of(
    const std::vector<ObjectPointer>& before, const std::vector<ObjectPointer>& after) {
  std::map<ObjectId, std::pair<const config::Object*, const config::Object*>> all;
  for (const ObjectPointer& one : before) all[id_of(*one)].first = one.get();
  for (const ObjectPointer& one : after) all[id_of(*one)].second = one.get();
  std::vector<std::pair<const config::Object*, const config::Object*>> out;
  for (const auto& [id, pair] : all) {
    const bool same =
        pair.first != nullptr && pair.second != nullptr && pair.first->json == pair.second->json;
    if (!same) out.push_back(pair);
  }
  return out;
}

Task<ServerAnswer> compare_revisions(const AdminWorld& world, const CallRequest& request) {
  std::vector<ObjectPointer> sides[2];
  for (const size_t side : {0, 1}) {
    const std::string text = request.variable(side == 0 ? "number" : "other");
    const auto number = parse_decimal(text);
    if (!number) co_return refuse_call(404, "there is no revision `" + text + "`");
    Task<RevisionObjects> reading = objects_of_revision(world.operations.publisher(), *number);
    RevisionObjects read = co_await reading;
    if (auto* refusal = std::get_if<Refusal>(&read)) co_return answer_of(*refusal);
    sides[side] = std::move(std::get<std::vector<ObjectPointer>>(read));
  }
  const auto pairs = pairs_of(sides[0], sides[1]);
  if (accepts(request, media_type::kDiff)) {
    ServerAnswer out{.content_type = media_type::kDiff, .fields = "vary: accept\r\n"};
    for (const auto& [before, after] : pairs) out.body += text_of_difference(before, after);
    co_return out;
  }
  json objects = json::array();
  for (const auto& [before, after] : pairs) objects.push_back(describe_difference(before, after));
  co_return document_answer(request, {{"objects", std::move(objects)}});
}

Task<ServerAnswer> restore_revision(const AdminWorld& world, const CallRequest& request) {
  const auto number = parse_decimal(request.variable("number"));
  if (!number) co_return refuse_call(404, "there is no revision `" + request.variable("number") + "`");
  Publisher& publisher = world.operations.publisher();
  Task<RevisionObjects> reading = objects_of_revision(publisher, *number);
  RevisionObjects read = co_await reading;
  if (auto* refusal = std::get_if<Refusal>(&read)) co_return answer_of(*refusal);
  ChangeRequest change = change_of(request);
  change.derive = [objects = std::get<std::vector<ObjectPointer>>(std::move(read))](
                      const LiveObjects& live) -> std::variant<std::vector<Edit>, Refusal> {
    return edits_to_restore(live, objects);
  };
  change.edits = std::get<std::vector<Edit>>(change.derive(publisher.live()));
  if (change.message.empty()) change.message = "restore revision " + std::to_string(*number);
  change.misfit_status = 409;
  Task<ServerAnswer> answering =
      answer_change(world, request, std::move(change), [&request](const Published& published) {
        return document_answer(request, {{"revision", published.revision}, {"summary", published.summary}});
      });
  co_return co_await answering;
}

Task<ServerAnswer> tag_revision(const AdminWorld& world, const CallRequest& request) {
  const auto number = parse_decimal(request.variable("number"));
  if (!number) co_return refuse_call(404, "there is no revision `" + request.variable("number") + "`");
  json body;
  Task<std::optional<ServerAnswer>> reading = read_document(world, request, body);
  if (auto refusal = co_await reading) co_return std::move(*refusal);
  if (auto refusal = refuse_members(body, {"name"})) co_return std::move(*refusal);
  const bool good = body.contains("name") && body["name"].is_string() &&
                    config::is_label(body["name"].get_ref<const std::string&>());
  if (!good) co_return refuse_document("/name", "a tag has 1 to 63 letters, digits, `.`, `_` and `-`");
  const std::string name = body["name"].get<std::string>();
  Task<Result<store::Found<uint64_t>>> writing = world.operations.publisher().ledger().tag(name, *number);
  const auto done = co_await writing;
  if (!done) co_return store_away(done.error());
  if (const auto* missing = std::get_if<store::Missing>(&*done)) co_return no_revision(*missing, *number);
  world.operations.audit("tag", request.author,
                         {{"tag", name}, {"revision", *number}, {"outcome", "succeeded"}});
  co_return document_answer(request, {{"name", name}, {"revision", *number}});
}

Task<ServerAnswer> delete_tag(const AdminWorld& world, const CallRequest& request) {
  const std::string name = request.variable("name");
  Task<Result<store::Store::Untagged>> writing = world.operations.publisher().ledger().remove_tag(name);
  const auto done = co_await writing;
  if (!done) co_return store_away(done.error());
  if (*done == store::Store::Untagged::kUnknown) co_return refuse_call(404, "there is no tag `" + name + "`");
  world.operations.audit("remove_tag", request.author, {{"tag", name}, {"outcome", "succeeded"}});
  co_return ServerAnswer{.status = 204, .content_type = ""};
}

json revision_schema() {
  return shape::object({{"number", shape::integer("Numbers begin with 1 and have no gaps.")},
                        {"time", shape::text("When it was published, in UTC.")},
                        {"author", shape::text("The name of a token, `file`, or `local`.")},
                        {"message", shape::text("Why it was published.")},
                        {"parent", shape::integer("The revision that it changes; 0: none.")},
                        {"hash", shape::text("Revisions with equal objects have equal hashes.")},
                        {"summary", shape::text("How it differs from its parent: `+2 routes, ~1 upstream`.")},
                        {"tags", shape::list(shape::text())}});
}

Call::Parameter number_variable(const char* name = "number") {
  return {name, "The number of a revision."};
}

Call of_revision(const char* method, const std::string& rest, std::string id, std::string summary) {
  return {.method = method,
          .path = "/v1/revisions/{number}" + rest,
          .id = std::move(id),
          .group = "Revisions",
          .summary = std::move(summary),
          .variables = {number_variable()},
          .answers = {{404, "There never was such a revision.", media_type::kProblem},
                      {410, "The revision has expired.", media_type::kProblem},
                      {503, "The store cannot be read.", media_type::kProblem}}};
}

void add_writes(CallTable& table) {
  Call restoring = of_revision("POST", "/restore", "restoreRevision",
                               "Publish the API's objects of a revision as a new revision");
  restoring.role = AdminRole::kPublisher;
  restoring.parameters = {dry_run_parameter()};
  restoring.effect = Call::Effect::kWrites;
  restoring.answers.push_back({200, "The new revision is in force.", media_type::kJson,
                               shape::object({{"revision", shape::integer()}, {"summary", shape::text()}})});
  restoring.answers.push_back(
      {409, "The objects do not fit what is in force any more.", media_type::kProblem});
  restoring.handle = restore_revision;
  table.add(std::move(restoring));

  Call tagging = of_revision("POST", "/tag", "tagRevision", "Give a tag to a revision, which is then kept");
  tagging.role = AdminRole::kPublisher;
  tagging.effect = Call::Effect::kWrites;
  const json body = shape::object({{"name", shape::text("1 to 63 letters, digits, `.`, `_` and `-`.")}});
  tagging.body = Call::Body{.media_types = {media_type::kJson}, .schema = body};
  tagging.answers.push_back({200, "The revision has the tag, and no other revision has it.",
                             media_type::kJson,
                             shape::object({{"name", shape::text()}, {"revision", shape::integer()}})});
  tagging.answers.push_back({422, "The name cannot be a tag.", media_type::kProblem});
  tagging.handle = tag_revision;
  table.add(std::move(tagging));

  table.add({.method = "DELETE",
             .path = "/v1/tags/{name}",
             .id = "deleteTag",
             .group = "Revisions",
             .summary = "Take a tag away",
             .role = AdminRole::kPublisher,
             .variables = {{"name", "The name of the tag."}},
             .answers = {{204, "No revision has the tag."}},
             .effect = Call::Effect::kWrites,
             .handle = delete_tag});
}

}  // namespace

void add_revision_calls(CallTable& table) {
  const json page = shape::object({{"items", shape::list(revision_schema())},
                                   {"next", shape::integer("The value of `after` for the next page.")}},
                                  {"items"});
  table.add({.method = "GET",
             .path = "/v1/revisions",
             .id = "listRevisions",
             .group = "Revisions",
             .summary = "List revisions",
             .parameters = {{"limit", "The number of revisions, at most 1000; the default is 100.",
                             shape::integer()},
                            {"after", "The number before which the list begins: `next` of the page before.",
                             shape::integer()}},
             .answers = {{200, "The revisions, the newest first.", media_type::kJson, page},
                         {503, "The store cannot be read.", media_type::kProblem}},
             .handle = list_revisions});
  Call reading = of_revision("GET", "", "getRevision", "Read what a revision is");
  reading.answers.push_back({200, "The revision.", media_type::kJson, revision_schema()});
  reading.handle = get_revision;
  table.add(std::move(reading));
  Call comparing =
      of_revision("GET", "/diff/{other}", "compareRevisions", "How a revision differs from another one");
  comparing.variables.push_back(number_variable("other"));
  comparing.description = "With `Accept: text/x-diff`, the answer is a unified diff of the objects as YAML.";
  comparing.answers.push_back({200, "The objects that differ.", media_type::kJson,
                               shape::object({{"objects", shape::list(shape::any("object"))}})});
  comparing.handle = compare_revisions;
  table.add(std::move(comparing));
  add_writes(table);
}

}  // namespace portcullis::control

#include "control/admin/change_answer.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "control/admin/shapes.h"
#include "control/operations.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// What the audit log says of a change, whatever becomes of it.
json details_of(const ChangeRequest& change) {
  json objects = json::array();
  constexpr size_t kMaxNamed = 100;
  for (size_t i = 0; i < std::min(change.edits.size(), kMaxNamed); ++i)
    objects.push_back(change.edits[i].id.title());
  return {{"objects", std::move(objects)}, {"count", change.edits.size()}};
}

void audit(const AdminWorld& world, const CallRequest& request, json details, bool is_canary,
           const ChangeOutcome& outcome) {
  if (const auto* published = std::get_if<Published>(&outcome)) {
    details["outcome"] = "succeeded";
    details[is_canary ? "canary" : "revision"] = published->revision;
    details["summary"] = published->summary;
  } else {
    details["outcome"] = "refused";
    details["status"] = std::get<Refusal>(outcome).status;
  }
  world.operations.audit("change", request.author, details);
}

}  // namespace

Call::Parameter dry_run_parameter() {
  return {"dry_run", "`true`: nothing is changed, and the answer is that of a plan.", shape::boolean()};
}

std::vector<Call::Answer> change_answers() {
  return {{409, "The change does not fit what is in force, or an object belongs to a file.",
           media_type::kProblem},
          {412, "The object is not what `If-Match` or `If-None-Match` says.", media_type::kProblem},
          {422, "The configuration would have errors.", media_type::kProblem},
          {503, "The store cannot be written to, or the gateway drains.", media_type::kProblem}};
}

std::vector<std::string> tags_of(std::string_view field) {
  std::vector<std::string> out;
  while (!field.empty()) {
    const size_t comma = field.find(',');
    const std::string_view one = trim(field.substr(0, comma));
    if (!one.empty()) out.emplace_back(one);
    field.remove_prefix(comma == std::string_view::npos ? field.size() : comma + 1);
  }
  return out;
}

std::vector<std::string> weak_tags_of(std::string_view field) {
  std::vector<std::string> out = tags_of(field);
  for (std::string& one : out) {
    if (one.starts_with("W/")) one.erase(0, 2);
  }
  return out;
}

ChangeRequest change_of(const CallRequest& request) {
  return {.edits = {},
          .author = request.author.name,
          .message = request.author.message,
          .labels = request.caller.labels};
}

Task<ServerAnswer> answer_change(const AdminWorld& world, const CallRequest& request, ChangeRequest change,
                                 std::function<ServerAnswer(const Published&)> answer) {
  const auto dry_run = flag_of(request, "dry_run", false);
  if (!dry_run) co_return refuse_call(400, "`dry_run` is `true` or `false`");
  if (*dry_run) {
    Task<ServerAnswer> planning = answer_dry_run(world, request, std::move(change));
    co_return co_await planning;
  }
  json details = details_of(change);
  const bool is_canary = change.canary.has_value();
  Task<ChangeOutcome> changing = world.operations.change(std::move(change), request.author);
  const ChangeOutcome outcome = co_await changing;
  audit(world, request, std::move(details), is_canary, outcome);
  if (const auto* refusal = std::get_if<Refusal>(&outcome)) co_return answer_of(*refusal);
  co_return answer(std::get<Published>(outcome));
}

}  // namespace portcullis::control

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/admin/call.h"
#include "control/revisions/publisher.h"

// What all calls share that change objects.
namespace portcullis::control {

Call::Parameter dry_run_parameter();
// The answers of all calls that change objects, besides those to a success.
std::vector<Call::Answer> change_answers();

// Reads the members that changes have in common: `message`, `base`, `changes`. Returns the answer to a
// document that is no change.
std::optional<ServerAnswer> read_change(const nlohmann::json& document, ChangeRequest& out);
nlohmann::json changes_schema();
// The same for a change of a draft, which has no `base`, and may have `{reset: {kind, name}}` among its
// changes.
std::optional<ServerAnswer> read_draft_change(const nlohmann::json& document, ChangeRequest& out);
nlohmann::json draft_changes_schema();

// What an answer says about a change that is in force.
nlohmann::json outcome_of(const Published& published);
nlohmann::json outcome_schema();

// The entity tags in `If-Match` (RFC 9110 section 13.1.1); `*` stands for itself.
std::vector<std::string> tags_of(std::string_view field);
// Those in `If-None-Match` without the `W/` of weak tags, because they are compared weakly (section 13.1.2).
std::vector<std::string> weak_tags_of(std::string_view field);

// A change without edits by the author of the request.
ChangeRequest change_of(const CallRequest& request);

// Makes the change, and writes it to the audit log. `answer` makes the answer to a change that is in force.
// With
// `?dry_run=true` nothing is changed, and the answer is that of a plan.
Task<ServerAnswer> answer_change(const AdminWorld& world, const CallRequest& request, ChangeRequest change,
                                 std::function<ServerAnswer(const Published&)> answer);

// The answer to a plan, whether it could be carried out or not.
Task<ServerAnswer> answer_plan(const AdminWorld& world, const CallRequest& request, ChangeRequest change);
// The same for `?dry_run=true`: preconditions, ownership and roles are refused with their own status.
Task<ServerAnswer> answer_dry_run(const AdminWorld& world, const CallRequest& request, ChangeRequest change);
// The answer to the plan of a change that cannot even be applied: `refusal` says why.
ServerAnswer answer_unplanned(const CallRequest& request, Refusal refusal);
nlohmann::json plan_schema();

}  // namespace portcullis::control

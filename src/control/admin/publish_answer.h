#pragma once

#include <optional>
#include <string>

#include "control/admin/call.h"
#include "control/revisions/publisher.h"

// What the calls share that publish a change under conditions.
namespace portcullis::control {

// Reads `max_changed`, `wait` and `canary`. Returns the answer to a document in which they have another form.
std::optional<ServerAnswer> read_conditions(const nlohmann::json& document, ChangeRequest& out);
// A document with `message` and the conditions.
nlohmann::json conditions_schema();

// The answer to a change that is in force, or that has begun as a canary.
ServerAnswer answer_published(const AdminWorld& world, const CallRequest& request,
                              const Published& published);
// For `wait`: waits until all nodes of the cluster serve what was published, or have refused it. Returns the
// answer with what each of them serves; without a cluster, `answer`, at once.
Task<ServerAnswer> wait_for_all(const AdminWorld& world, const CallRequest& request, Published published,
                                ServerAnswer answer);
nlohmann::json published_schema();
nlohmann::json canary_schema();

// Publishes a draft, which is then gone. `document` has `message` and the conditions, or is null.
Task<ServerAnswer> publish_draft(const AdminWorld& world, const CallRequest& request, std::string name,
                                 nlohmann::json document);

}  // namespace portcullis::control

#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "control/admin/call.h"
#include "control/revisions/edit.h"

// Documents that calls on objects take and give: JSON, or YAML by `Content-Type` and `Accept`.
namespace portcullis::control {

namespace media_type {
inline constexpr const char* kYaml = "application/yaml";
inline constexpr const char* kMergePatch = "application/merge-patch+json";
inline constexpr const char* kJsonPatch = "application/json-patch+json";
inline constexpr const char* kDiff = "text/x-diff";
}  // namespace media_type

// The media type of the body without its parameters, in lower case; empty when the request does not tell it.
std::string media_type_of(const ServerRequest& request);
// Parses the body, JSON or YAML by its media type, into `out`, which must live as long as the task. Returns
// the answer to a body that is not well formed. A large body is parsed on another thread.
Task<std::optional<ServerAnswer>> read_document(const AdminWorld& world, const CallRequest& request,
                                                nlohmann::json& out);

// How many items a page of a list has: when the request does not say, and at most.
inline constexpr uint64_t kDefaultPage = 100;
inline constexpr uint64_t kMaxPage = 1000;

// True when the request prefers this media type to JSON.
bool accepts(const CallRequest& request, const char* media_type);
// The document in the form that the request asks for; `fields` are further header fields.
ServerAnswer document_answer(const CallRequest& request, const nlohmann::json& document,
                             uint16_t status = 200, std::string fields = {});

// The answer to a change that is refused.
ServerAnswer answer_of(const Refusal& refusal);
nlohmann::json as_json(const std::vector<Finding>& findings);

// The value of a query parameter that is a number from 0 on; `otherwise` when there is none. Nothing when it
// is no number.
std::optional<uint64_t> number_of(const CallRequest& request, const char* parameter, uint64_t otherwise);
// The value of a query parameter that is `true` or `false`; nothing when it is another word.
std::optional<bool> flag_of(const CallRequest& request, const char* parameter, bool otherwise);

}  // namespace portcullis::control

#pragma once

#include <optional>
#include <string>

#include "control/admin/call.h"

namespace portcullis::control {

// The checks of a request that all calls share: its query parameters, the media type of its body, and
// `Portcullis-Message`, which is stored in `message`. Returns the answer to a request that is refused.
std::optional<ServerAnswer> refuse_request(const Call& call, const ServerRequest& request,
                                           std::string& message);

// Max number of values in a document: a value takes many times the memory of its text.
inline constexpr size_t kMaxDocumentValues = 4'000'000;
// Parses the body of a request as JSON into `out`. Returns the answer to a body that is not JSON, is not
// UTF-8, is nested deeper than config::kMaxDocumentDepth, or has more values than kMaxDocumentValues. Any
// thread.
std::optional<ServerAnswer> read_json(std::string_view body, nlohmann::json& out);
// The answer to a document with too many values.
ServerAnswer refuse_large_document();
// Max bytes of the message of a change.
inline constexpr size_t kMaxMessage = 1024;

// Returns the answer when `document` is not an object, or has members that are not in `known`.
std::optional<ServerAnswer> refuse_members(const nlohmann::json& document,
                                           const std::vector<std::string_view>& known);

// The answer to a document with a mistake (422) at `pointer`.
ServerAnswer refuse_document(std::string pointer, std::string message);

}  // namespace portcullis::control

#pragma once

#include <string>
#include <vector>

#include "control/admin/call_table.h"
#include "control/revisions/live_objects.h"

namespace portcullis::control {

// The calls on single objects: read, create, replace, change and delete.
struct KindHandlers {
  // The name of the object is empty for `list`.
  using Handle = Task<ServerAnswer> (*)(const AdminWorld&, const CallRequest&, ObjectId);
  Handle list, get, put, patch, remove;
};

// Where these calls are.
struct KindPlace {
  std::string prefix;                      // of the paths: "/v1"
  std::string suffix;                      // of the names in OpenAPI: "InDraft"
  std::string words{};                     // of the summaries: " in a draft"
  std::string group;                       // the chapter of the reference
  std::vector<Call::Parameter> variables;  // of the prefix
};

// Adds these calls for each kind of objects.
void add_kind_calls(CallTable& table, const KindPlace& place, const KindHandlers& handlers);

}  // namespace portcullis::control

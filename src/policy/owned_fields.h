#pragma once

#include <string_view>

#include "base/text.h"
#include "http/field_names.h"

namespace portcullis::policy {

// The request fields that the policies of a route answer for. What a client sends under the name of one that
// only a policy sets never reaches the backend, in whatever spelling; and what decides cannot be said in a
// spelling that the gateway does not read. Built with the route, then read by any thread.
struct OwnedFields {
  http::FieldNames removed;  // removed before the first policy runs
  http::FieldNames
      replaced;  // read by a policy; removed after the last one, unless a policy has set the field anew
  // Read by a condition, or counted by: a field that a backend could take for one of these, because it
  // differs from the name by '_' for '-' only, is removed before the first policy runs.
  http::FieldNames read;

  // Credentials are what policies that authenticate read.
  void add(std::string_view name, bool is_read = false) {
    const bool is_credential =
        equals_ignoring_case(name, "authorization") || equals_ignoring_case(name, "cookie");
    (is_read || is_credential ? replaced : removed).add(name);
  }
};

}  // namespace portcullis::policy

#pragma once

#include <string_view>

#include "base/text.h"
#include "http/field_names.h"

namespace portcullis::policy {

// The request fields that the policies of a route set or read. A field of a client with the name of a field
// that only a policy sets never reaches the backend, in any spelling. A field by which a policy decides
// cannot reach the backend in a spelling that the gateway does not read. Built with the route, then read by
// any thread.
struct OwnedFields {
  http::FieldNames removed;  // removed before the first policy runs
  http::FieldNames
      replaced;  // read by a policy; removed after the last one, unless a policy has set the field anew
  // Names of fields that a condition reads or a limit counts by. A field that a backend could take for one of
  // these, because its name differs only by '_' for '-', is removed before the first policy runs.
  http::FieldNames read;

  // The fields of credentials count as read, because policies that authenticate read them.
  void add(std::string_view name, bool is_read = false) {
    const bool is_credential =
        equals_ignoring_case(name, "authorization") || equals_ignoring_case(name, "cookie");
    (is_read || is_credential ? replaced : removed).add(name);
  }
};

}  // namespace portcullis::policy

#pragma once

#include <string_view>

#include "base/text.h"
#include "http/field_names.h"

namespace portcullis::policy {

// The request fields that the policies of a route alone set for the backend: what a client sends under one of
// these names, in whatever spelling, never reaches it. Built with the route, then read by any thread.
struct OwnedFields {
  http::FieldNames removed;  // removed before the first policy runs
  http::FieldNames
      replaced;  // read by a policy; removed after the last one, unless a policy has set the field anew

  // Credentials are what policies that authenticate read.
  void add(std::string_view name, bool is_read = false) {
    const bool is_credential =
        equals_ignoring_case(name, "authorization") || equals_ignoring_case(name, "cookie");
    (is_read || is_credential ? replaced : removed).add(name);
  }
};

}  // namespace portcullis::policy

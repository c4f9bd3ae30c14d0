#pragma once

#include <string_view>

#include "base/text.h"
#include "http/message.h"

namespace portcullis::http {

// Calls `visit(protocol)` for each protocol that the Upgrade fields name (RFC 9110 section 7.8).
template <typename Visit>
void for_each_upgrade(const Fields& fields, Visit visit) {
  for (const Field& field : fields) {
    if (field.id == FieldId::kUpgrade) for_each_list_element(field.value, visit);
  }
}

inline bool names_upgrade(const Fields& fields, std::string_view protocol) {
  bool named = false;
  for_each_upgrade(fields, [&](std::string_view one) { named |= equals_ignoring_case(one, protocol); });
  return named;
}

}  // namespace portcullis::http

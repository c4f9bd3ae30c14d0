#pragma once

#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::http {

// The values of all fields called `name` as one list, in order, joined by `separator` (RFC 9110 section 5.3).
// With a single such field the result is its value, otherwise a text in `arena`; empty without such a field.
// Empty values are skipped.
std::string_view combined_value(const Fields& fields, std::string_view name, std::string_view separator,
                                Arena& arena);

}  // namespace portcullis::http

#pragma once

#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::http {

// The values of all fields of that name as one list, in their order, with `separator` between them (RFC 9110
// section 5.3). The value itself when there is one such field, else in `arena`; empty when there is none.
// Fields without a value add nothing.
std::string_view combined_value(const Fields& fields, std::string_view name, std::string_view separator,
                                Arena& arena);

}  // namespace portcullis::http

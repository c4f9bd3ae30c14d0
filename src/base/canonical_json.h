#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "base/result.h"

namespace portcullis {

// JSON that is nested deeper has no canonical form.
inline constexpr int kMaxJsonDepth = 200;

// The canonical form of a value by RFC 8785: equal values have equal texts. Members are in the order of the
// UTF-16 code units of their names, numbers are written as ECMAScript writes them, and there is no white
// space.
//
// An error when a text is not valid UTF-8, when the value is nested deeper than kMaxJsonDepth, and for an
// integer that a double cannot hold without losing digits (RFC 8785 section 3.2.2.3 has only double
// precision).
Result<std::string> canonical_json(const nlohmann::json& value);

}  // namespace portcullis

#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace portcullis {

// The text of a JSON value. Bytes that are not UTF-8 become U+FFFD: dump() would throw for them, and values
// may come from clients. `indent` is the number of spaces of each level; -1: one line.
template <typename Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace portcullis

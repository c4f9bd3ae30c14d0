#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace portcullis::policy::grpc_transcoding {

// The JSON text on one line; bytes that are not UTF-8 become U+FFFD.
inline std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// An error in the form of Google's APIs. `code` is the gRPC status code.
inline std::string error_text(uint32_t code, const std::string& message) {
  return to_text({{"code", code}, {"message", message}});
}

}  // namespace portcullis::policy::grpc_transcoding

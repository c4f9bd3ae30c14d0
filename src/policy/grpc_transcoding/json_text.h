#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace portcullis::policy::grpc_transcoding {

// On one line; what is not UTF-8 becomes U+FFFD.
inline std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// An error as Google's APIs tell it; `code` is gRPC's.
inline std::string error_text(uint32_t code, const std::string& message) {
  return to_text({{"code", code}, {"message", message}});
}

}  // namespace portcullis::policy::grpc_transcoding

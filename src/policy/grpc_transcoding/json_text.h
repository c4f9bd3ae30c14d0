#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

#include "base/json_text.h"

namespace portcullis::policy::grpc_transcoding {

// An error in the form of Google's APIs. `code` is the gRPC status code.
inline std::string error_text(uint32_t code, const std::string& message) {
  return json_text(nlohmann::json{{"code", code}, {"message", message}});
}

}  // namespace portcullis::policy::grpc_transcoding

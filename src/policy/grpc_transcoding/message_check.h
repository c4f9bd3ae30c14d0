#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/grpc_transcoding/service_api.h"

namespace portcullis::policy::grpc_transcoding {

enum class MessageCheck : uint8_t {
  kGood,
  kMalformed,     // not the wire format: a part ends beyond the message, or a number has more than ten bytes
  kTooManyParts,  // more fields and messages than are allowed
};

enum class UnsetFields : uint8_t { kIgnored, kCounted };

// Checks that `bytes` are a message of that type in protobuf's wire format, including all nested messages and
// those in google.protobuf.Any. Only messages that have passed may be given to protobuf's JSON printer, which
// does not end on a packed field that is cut off (protobuf 3.21). `unset` says whether fields that are not
// set count as parts.
MessageCheck check_message(const ServiceApi& api, const google::protobuf::Descriptor& type,
                           std::string_view bytes, UnsetFields unset, size_t max_parts);

}  // namespace portcullis::policy::grpc_transcoding

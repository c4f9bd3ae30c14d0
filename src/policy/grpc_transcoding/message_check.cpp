#include "policy/grpc_transcoding/message_check.h"

#include <cstdint>
#include <string>

namespace portcullis::policy::grpc_transcoding {

namespace pb = google::protobuf;

namespace {

constexpr int kDeepestMessage = 100;  // the printer itself refuses messages nested deeper than 64

bool take_varint(std::string_view& bytes, uint64_t& value) {
  constexpr size_t kMaxBytes = 10;
  value = 0;
  for (size_t i = 0; i < kMaxBytes && i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool take(std::string_view& bytes, uint64_t size, std::string_view& part) {
  if (size > bytes.size()) return false;
  part = bytes.substr(0, static_cast<size_t>(size));
  bytes.remove_prefix(part.size());
  return true;
}

class MessageWalk {
 public:
  MessageWalk(const ServiceApi& api, UnsetFields unset, size_t max_parts)
      : api_(api), unset_(unset), parts_left_(max_parts) {}

  MessageCheck check(const pb::Descriptor& type, std::string_view bytes, int depth) {
    const size_t unset = unset_ == UnsetFields::kCounted ? static_cast<size_t>(type.field_count()) : 0;
    if (depth > kDeepestMessage) return MessageCheck::kMalformed;
    if (!count(1 + unset)) return MessageCheck::kTooManyParts;
    const bool is_any = type.full_name() == "google.protobuf.Any";
    std::string_view any_url, any_value;
    while (!bytes.empty()) {
      if (!count(1)) return MessageCheck::kTooManyParts;
      uint64_t tag = 0, number = 0;
      std::string_view part;
      if (!take_varint(bytes, tag) || tag > UINT32_MAX || (tag >> kTypeBits) == 0)
        return MessageCheck::kMalformed;
      switch (tag & kTypeMask) {
        case kVarint:
          if (!take_varint(bytes, number)) return MessageCheck::kMalformed;
          break;
        case kFixed64:
          if (!take(bytes, sizeof(uint64_t), part)) return MessageCheck::kMalformed;
          break;
        case kFixed32:
          if (!take(bytes, sizeof(uint32_t), part)) return MessageCheck::kMalformed;
          break;
        case kDelimited: {
          if (!take_varint(bytes, number) || !take(bytes, number, part)) return MessageCheck::kMalformed;
          const int field_number = static_cast<int>(tag >> kTypeBits);
          if (is_any && field_number == 1) any_url = part;
          if (is_any && field_number == 2) any_value = part;
          const pb::FieldDescriptor* field = type.FindFieldByNumber(field_number);
          const MessageCheck checked =
              field == nullptr ? MessageCheck::kGood : check_part(*field, part, depth);
          if (checked != MessageCheck::kGood) return checked;
          break;
        }
        default: return MessageCheck::kMalformed;  // groups, which do not exist in proto3
      }
    }
    if (any_value.empty()) return MessageCheck::kGood;
    const pb::Descriptor* described = api_.find_message(std::string(any_url.substr(any_url.rfind('/') + 1)));
    return described == nullptr ? MessageCheck::kGood : check(*described, any_value, depth + 1);
  }

 private:
  enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };
  static constexpr unsigned kTypeBits = 3;
  static constexpr uint64_t kTypeMask = 7;

  bool count(size_t parts) {
    if (parts > parts_left_) return false;
    parts_left_ -= parts;
    return true;
  }

  // Checks the content of a length-delimited field: a message, or the numbers of a packed field.
  MessageCheck check_part(const pb::FieldDescriptor& field, std::string_view part, int depth) {
    if (field.type() == pb::FieldDescriptor::TYPE_MESSAGE)
      return check(*field.message_type(), part, depth + 1);
    if (!field.is_packable()) return MessageCheck::kGood;
    switch (field.type()) {
      case pb::FieldDescriptor::TYPE_DOUBLE:
      case pb::FieldDescriptor::TYPE_FIXED64:
      case pb::FieldDescriptor::TYPE_SFIXED64: return check_fixed(part, sizeof(uint64_t));
      case pb::FieldDescriptor::TYPE_FLOAT:
      case pb::FieldDescriptor::TYPE_FIXED32:
      case pb::FieldDescriptor::TYPE_SFIXED32: return check_fixed(part, sizeof(uint32_t));
      default: break;
    }
    for (uint64_t number = 0; !part.empty();) {
      if (!count(1)) return MessageCheck::kTooManyParts;
      if (!take_varint(part, number)) return MessageCheck::kMalformed;
    }
    return MessageCheck::kGood;
  }

  MessageCheck check_fixed(std::string_view part, size_t size) {
    if (!count(part.size() / size)) return MessageCheck::kTooManyParts;
    return part.size() % size == 0 ? MessageCheck::kGood : MessageCheck::kMalformed;
  }

  const ServiceApi& api_;
  UnsetFields unset_;
  size_t parts_left_;
};

}  // namespace

MessageCheck check_message(const ServiceApi& api, const pb::Descriptor& type, std::string_view bytes,
                           UnsetFields unset, size_t max_parts) {
  return MessageWalk(api, unset, max_parts).check(type, bytes, 0);
}

}  // namespace portcullis::policy::grpc_transcoding

#include "etcd/encoding.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "crypto/encoding.h"

namespace portcullis::etcd {

using nlohmann::json;

std::string encode(std::string_view bytes) {
  return crypto::base64_encode(bytes, crypto::Base64::kStandard);
}

std::string range_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

const json& member_at(const json& message, const char* name) {
  static const json kNone;
  if (!message.is_object()) return kNone;
  const auto found = message.find(name);
  return found == message.end() ? kNone : *found;
}

std::string bytes_at(const json& message, const char* name) {
  const json& value = member_at(message, name);
  if (!value.is_string()) return {};
  return crypto::base64_decode(value.get_ref<const std::string&>(), crypto::Base64::kStandard).value_or("");
}

uint64_t number_at(const json& message, const char* name) {
  const json& value = member_at(message, name);
  if (value.is_string()) return parse_decimal(value.get_ref<const std::string&>()).value_or(0);
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

std::string text_at(const json& message, const char* name) {
  const json& value = member_at(message, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag_at(const json& message, const char* name) {
  const json& value = member_at(message, name);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace portcullis::etcd

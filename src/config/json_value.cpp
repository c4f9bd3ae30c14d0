#include "config/json_value.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdint>

namespace portcullis::config {
namespace {

// Parses the whole `text` as a T.
template <typename T>
bool parse_number(const std::string& text, T& out) {
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, out);
  return problem == std::errc{} && rest == end;
}

nlohmann::json scalar_of(const YamlNode& node) {
  if (node.quoted) return node.scalar;
  if (node.scalar == "true" || node.scalar == "false") return node.scalar == "true";
  int64_t whole = 0;
  if (parse_number(node.scalar, whole)) return whole;
  // std::from_chars accepts words such as `inf` and `nan`, which are not numbers in JSON.
  double number = 0;
  if (node.scalar.find_first_not_of("+-.0123456789eE") == std::string::npos &&
      parse_number(node.scalar, number))
    return number;
  return node.scalar;
}

}  // namespace

nlohmann::json json_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
    case YamlNode::Kind::kKept: break;
    case YamlNode::Kind::kScalar: return scalar_of(node);
    case YamlNode::Kind::kSequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& item : node.items) list.push_back(json_of(*item));
      return list;
    }
    case YamlNode::Kind::kMapping: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& [key, value] : node.members) object[key->scalar] = json_of(*value);
      return object;
    }
  }
  return nullptr;
}

nlohmann::json json_of_yaml(const std::string& text) {
  Diagnostics ignored;
  const auto root = parse_yaml(text, "", ignored);
  return root == nullptr ? nlohmann::json() : json_of(*root);
}

}  // namespace portcullis::config

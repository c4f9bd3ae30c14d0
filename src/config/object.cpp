#include "config/object.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/canonical_json.h"
#include "base/json_pointer.h"
#include "crypto/encoding.h"

namespace portcullis::config {
namespace {

constexpr ObjectKind kKinds[] = {
    {"listeners", "listener", false},
    {"upstreams", "upstream", false},
    {"routes", "route", false},
    {"consumers", "consumer", false},
    {"plans", "plan", false},
    {"policy_sets", "policy set", false},
    {"policies", "list of policies", true},
    {"assertions", "list of assertions", true},
    {"errors", "list of error rules", true},
};

// A copy of `text` in which `${` is not the beginning of a reference.
std::string escaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) out += '$';
    out += text[i];
  }
  return out;
}

// The memory that the values of a document may take; an estimate. Each alias of a document counts as much as
// what it stands for.
constexpr size_t kMaxWritten = 128 << 20;
constexpr size_t kValueSize = 32;

// Whether references in texts have been replaced, so that a `${` in them means itself.
enum class References { kReplaced, kWritten };

// Writes nodes as JSON, and notes where secrets are.
class Writer {
 public:
  explicit Writer(References references, size_t max_size = SIZE_MAX)
      : references_(references), max_size_(max_size) {}

  nlohmann::json write(const YamlNode& node) {
    size_ += kValueSize + node.scalar.size();
    if (is_too_large()) return nullptr;
    const bool was_secret = is_secret_;
    is_secret_ = is_secret_ || node.mark == YamlNode::Mark::kSecret;
    nlohmann::json out = value(node);
    is_secret_ = was_secret;
    return out;
  }

  bool is_too_large() const { return size_ > max_size_; }

  std::vector<std::string> secrets;

 private:
  nlohmann::json value(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::kNull:
      case YamlNode::Kind::kKept: return nullptr;
      case YamlNode::Kind::kScalar:
        if (is_secret_ && !node.scalar.empty()) secrets.push_back(pointer_);
        return scalar(node);
      case YamlNode::Kind::kSequence: return list(node);
      case YamlNode::Kind::kMapping: return mapping(node);
    }
    return nullptr;
  }

  // A scalar is a number or a truth value in JSON only where this is the same text again, so that `1.10` and
  // `007` stay what they are.
  nlohmann::json scalar(const YamlNode& node) const {
    const std::string& text = node.written.empty() ? node.scalar : node.written;
    if (!node.quoted && node.written.empty()) {
      if (text == "true" || text == "false") return text == "true";
      if (text.find_first_not_of("-+.0123456789e") == std::string::npos) {
        nlohmann::json number = nlohmann::json::parse(text, nullptr, false);
        if (number.is_number()) {
          const auto canonical = canonical_json(number);
          if (canonical && *canonical == text) return number;
        }
      }
    }
    std::string shown = references_ == References::kReplaced ? escaped(text) : text;
    // The content of a file can be any bytes.
    if (!canonical_json(nlohmann::json(shown)))
      return "base64:" + crypto::base64_encode(shown, crypto::Base64::kStandard);
    return shown;
  }

  nlohmann::json list(const YamlNode& node) {
    nlohmann::json out = nlohmann::json::array();
    for (size_t i = 0; i < node.items.size(); ++i) {
      const size_t length = step(std::to_string(i));
      out.push_back(write(*node.items[i]));
      pointer_.resize(length);
    }
    return out;
  }

  nlohmann::json mapping(const YamlNode& node) {
    nlohmann::json out = nlohmann::json::object();
    for (const auto& [key, value] : node.members) {
      const size_t length = step(key->scalar);
      out[key->scalar] = write(*value);
      pointer_.resize(length);
    }
    return out;
  }

  // Appends a token to the pointer (RFC 6901 section 3). Returns the length before.
  size_t step(std::string_view token) {
    const size_t length = pointer_.size();
    pointer_ += '/';
    append_pointer_token(pointer_, token);
    return length;
  }

  const References references_;
  const size_t max_size_;
  std::string pointer_;
  size_t size_ = 0;
  bool is_secret_ = false;  // the value is within one that is marked as a secret
};

}  // namespace

std::string ObjectKind::word() const {
  std::string out(key);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::span<const ObjectKind> object_kinds() {
  return kKinds;
}

const ObjectKind* find_object_kind(std::string_view word) {
  const auto is_word = [word](const ObjectKind& kind) {
    return std::equal(word.begin(), word.end(), kind.key.begin(), kind.key.end(),
                      [](char a, char b) { return (a == '-' ? '_' : a) == b; });
  };
  const auto* const found = std::find_if(std::begin(kKinds), std::end(kKinds), is_word);
  return found == std::end(kKinds) ? nullptr : found;
}

Object object_of(const ObjectKind& kind, const YamlNode& node) {
  // The text of an object that has not come from a file is what was written.
  Writer writer(node.location.is_from_api() ? References::kWritten : References::kReplaced);
  nlohmann::json json = writer.write(node);
  std::string name = kind.is_single ? std::string() : name_of_object(node);
  if (json.is_object() && json.contains("name")) json["name"] = name;  // also one of digits alone
  // All texts are valid UTF-8, and the depth of documents is limited.
  auto canonical = canonical_json(json);
  std::sort(writer.secrets.begin(), writer.secrets.end());
  return {.kind = &kind,
          .name = std::move(name),
          .json = canonical ? std::move(*canonical) : std::string("null"),
          .secrets = std::move(writer.secrets),
          .location = node.location};
}

Result<nlohmann::json> written_json(const YamlNode& node) {
  Writer writer(References::kWritten, kMaxWritten);
  nlohmann::json out = writer.write(node);
  if (writer.is_too_large())
    return Error{"the document is too large: its values, with those that aliases stand for, take more than " +
                 std::to_string(kMaxWritten >> 20) + " MiB"};
  return out;
}

std::string name_of_object(const YamlNode& node) {
  const YamlNode* const name = node.kind == YamlNode::Kind::kMapping ? node.find("name") : nullptr;
  return name == nullptr ? std::string() : name->scalar;
}

std::string title_of(const ObjectKind& kind, std::string_view name) {
  std::string out = kind.word();
  if (!kind.is_single) out.append("/").append(name);
  return out;
}

}  // namespace portcullis::config

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/enum_names.h"
#include "http/field_id.h"

namespace portcullis::http {

// One field line. The views point into the message's receive buffer or its exchange's arena.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = FieldId::kOther;
};

// The fields of one message, in order, in fixed storage. The limit of their number also bounds their memory.
// Removing a field leaves no gap.
class Fields {
 public:
  static constexpr size_t kCapacity = 128;

  // Not defaulted, because `Fields{}` would then set the whole storage to zero.
  Fields() {}  // NOLINT(modernize-use-equals-default)
  // Copies only the fields in use; the rest of the storage is not initialised.
  Fields(const Fields& other) { *this = other; }
  Fields& operator=(const Fields& other) {
    if (this == &other) return *this;
    size_ = other.size_;
    std::memcpy(storage_, other.storage_, size_ * sizeof(Field));
    return *this;
  }

  // Adds a field. False when the storage is full.
  bool add(std::string_view name, std::string_view value, FieldId id) {
    if (size_ == kCapacity) return false;
    new (end()) Field{name, value, id};
    ++size_;
    return true;
  }
  bool add(std::string_view name, std::string_view value) { return add(name, value, identify_field(name)); }

  // The first field with this id, or null. The pointer is valid until the fields change.
  const Field* find(FieldId id) const {
    for (const Field& field : *this) {
      if (field.id == id) return &field;
    }
    return nullptr;
  }
  const Field* find(std::string_view name) const;
  std::string_view value_of(std::string_view name) const {
    const Field* field = find(name);
    return field == nullptr ? std::string_view() : field->value;
  }

  // Removes the fields for which `drop(const Field&)` is true.
  template <typename Drop>
  void remove_if(Drop drop) {
    Field* kept = std::find_if(begin(), end(), [&](const Field& field) { return drop(field); });
    for (Field* field = kept; field != end(); ++field) {
      if (!drop(*field)) *kept++ = *field;
    }
    size_ = static_cast<size_t>(kept - begin());
  }
  void remove(FieldId id) {
    remove_if([id](const Field& field) { return field.id == id; });
  }
  void remove(std::string_view name);
  // Removes every field whose name equals `name` by same_field_name().
  void remove_all_spellings(std::string_view name);
  // Replaces all fields called `name` by a single one. False when the storage is full.
  bool set(std::string_view name, std::string_view value) {
    remove(name);
    return add(name, value);
  }
  void clear() { size_ = 0; }

  size_t size() const { return size_; }
  Field* begin() { return reinterpret_cast<Field*>(storage_); }
  Field* end() { return begin() + size_; }
  const Field* begin() const { return reinterpret_cast<const Field*>(storage_); }
  const Field* end() const { return begin() + size_; }

 private:
  static_assert(std::is_trivially_copyable_v<Field>);
  size_t size_ = 0;
  alignas(Field) std::byte storage_[kCapacity * sizeof(Field)];
};

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };
constexpr auto names_of(Version) {
  return std::to_array<EnumName<Version>>(
      {{Version::kHttp10, "HTTP/1.0"}, {Version::kHttp11, "HTTP/1.1"}, {Version::kHttp2, "HTTP/2"}});
}

// How the end of a message's body is determined (RFC 9112 section 6.3). With kStream the body ends with the
// message on its HTTP/2 stream.
enum class BodyKind : uint8_t { kNone, kLength, kChunked, kUntilClose, kStream };

struct BodyFraming {
  static constexpr uint64_t kUnknown = UINT64_MAX;

  BodyKind kind = BodyKind::kNone;
  uint64_t length = 0;  // for kLength, and for kStream, where the length may be kUnknown

  // True when the length of the body is known before it has been received.
  bool has_length() const {
    return kind == BodyKind::kLength || (kind == BodyKind::kStream && length != kUnknown);
  }
};

struct RequestHead {
  std::string_view method;
  std::string_view target;     // as received
  std::string_view authority;  // from the absolute-form of the target, else from Host
  std::string_view path;       // as received, without the query; "*" for the asterisk-form
  std::string_view query;      // the text after '?'
  bool has_query = false;
  Version version = Version::kHttp11;
  bool keep_alive = true;
  bool expects_continue = false;
  bool wants_upgrade = false;
  BodyFraming body;
  Fields fields;
};

struct ResponseHead {
  uint16_t status = 0;
  std::string_view reason;
  Version version = Version::kHttp11;
  bool keep_alive = true;
  BodyFraming body;
  Fields fields;
};

// The text after the authentication scheme in a field's value, such as "Bearer abc" (RFC 9110 section 11.4);
// empty when the value has a different scheme.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme);

// True when responses with this status never have a body, whatever the request method (RFC 9112 section 6.3).
inline bool has_no_content(uint16_t status) {
  return status < 200 || status == 204 || status == 304;
}

// The standard reason phrase, or "" for an unknown status.
std::string_view reason_phrase(uint16_t status);

}  // namespace portcullis::http

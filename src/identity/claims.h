#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "identity/directory.h"

namespace portcullis::identity {

// What an issuer says of a caller, as pairs of name and text: the members of a JSON object, those of inner
// objects under "outer.inner", each element of an array under the array's name. Immutable once filled.
class Claims {
 public:
  // The whole object's members. False when `json` is no object, has a member twice (RFC 7519 section 4: then
  // different readers might see different ones), or nests too deeply.
  static std::shared_ptr<const Claims> parse(std::string_view json);

  enum class Kind : uint8_t { kText, kNumber, kBoolean, kNull };
  struct Claim {
    std::string_view name;
    std::string_view text;  // a string's content, or the JSON of a number, true, false or null
    Kind kind;
    bool in_array = false;
  };

  // The first of that name, or null.
  const Claim* find(std::string_view name) const;
  // The text of a claim that is one value: a string, a number, true or false. Empty for null, a list, an
  // object, and where there is no such claim.
  std::string_view text_of(std::string_view name) const;
  // The same; of a list all its texts, numbers and booleans, joined by commas, in `arena`. A comma within an
  // element is written as %2C, and a percent sign as %25: no element can pass for two, and no two lists have
  // the same text.
  std::string_view joined_text_of(std::string_view name, Arena& arena) const;
  // The claim's value as compact JSON, whatever it is; empty for null and where there is no such claim. Reads
  // the issuer's text anew and allocates, so it is for those who asked for JSON.
  std::string json_of(std::string_view name) const;
  // The claim is a list or an object.
  bool is_compound(std::string_view name) const;
  // There is a member of that name, even an empty list or object, or null.
  bool has_member(std::string_view name) const;
  // The same, unless the member is null.
  bool has_value(std::string_view name) const;
  // A claim of that name has this text, as its value or as an element of it. Null is no text.
  bool has(std::string_view name, std::string_view text) const;
  // `scope` (space separated, RFC 8693 section 4.2) or `scp` (a list, or the same) names it.
  bool has_scope(std::string_view scope) const;

  const std::vector<Claim>& all() const { return claims_; }

 private:
  friend class ClaimsReader;
  std::string json_;     // as the issuer wrote it
  std::string storage_;  // every name and text
  std::vector<Claim> claims_;
  std::vector<std::string> members_;  // sorted
};

// Who calls: what an authentication policy has found out about an exchange.
struct Caller {
  const Consumer* consumer = nullptr;  // lives as long as the snapshot; null: somebody without a name here
  std::string_view credential{};       // which of the consumer's credentials; lives as long as the exchange
  std::shared_ptr<const Claims> claims{};
  bool authenticated = false;
};

}  // namespace portcullis::identity

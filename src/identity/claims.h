#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "identity/directory.h"

namespace portcullis::identity {

// The claims of a token as pairs of name and text. Members of inner objects are named "outer.inner"; each
// element of an array has the array's name. Immutable once filled.
class Claims {
 public:
  // Reads all members of the object `json`. Null when `json` is not an object, contains a member twice
  // (different readers could then see different values, RFC 7519 section 4), or is nested too deeply.
  static std::shared_ptr<const Claims> parse(std::string_view json);

  enum class Kind : uint8_t { kText, kNumber, kBoolean, kNull };
  struct Claim {
    std::string_view name;
    std::string_view text;  // the content of a string, or the JSON text of a number, true, false or null
    Kind kind;
    bool in_array = false;
  };

  // The first claim called `name`, or null.
  const Claim* find(std::string_view name) const;
  // The text of a claim with a single value: a string, a number, true or false. Empty for null, a list, an
  // object, and a missing claim.
  std::string_view text_of(std::string_view name) const;
  // Like text_of(), but for a list all its texts, numbers and booleans, joined by commas, in `arena`. A comma
  // within an element is written as %2C and a percent sign as %25, so that one element cannot look like two,
  // and different lists have different texts.
  std::string_view joined_text_of(std::string_view name, Arena& arena) const;
  // The claim's value of any type as compact JSON; empty for null and a missing claim. Parses the issuer's
  // JSON again and allocates, so use it only where JSON is needed.
  std::string json_of(std::string_view name) const;
  // True when the claim is a list or an object.
  bool is_compound(std::string_view name) const;
  // True when the claim exists, even as an empty list or object, or as null.
  bool has_member(std::string_view name) const;
  // True when the claim exists and is not null.
  bool has_value(std::string_view name) const;
  // True when the claim's value, or an element of its list, has this text. Null has no text.
  bool has(std::string_view name, std::string_view text) const;
  // True when `scope` (space separated, RFC 8693 section 4.2) or `scp` (a list, or space separated) contains
  // `scope`.
  bool has_scope(std::string_view scope) const;

  const std::vector<Claim>& all() const { return claims_; }

 private:
  friend class ClaimsReader;
  std::string json_;     // the issuer's JSON text
  std::string storage_;  // all names and texts
  std::vector<Claim> claims_;
  std::vector<std::string> members_;  // sorted
};

// The caller that an authentication policy has identified for an exchange.
struct Caller {
  // Valid as long as the snapshot; null for a caller that is not a configured consumer.
  const Consumer* consumer = nullptr;
  std::string_view
      credential{};  // the name of the consumer's credential that was used; valid as long as the exchange
  std::shared_ptr<const Claims> claims{};
  bool authenticated = false;
};

}  // namespace portcullis::identity

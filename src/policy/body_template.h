#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/context.h"
#include "variables/text.h"

namespace portcullis::policy {

// How the values of variables are written into a body, so that a value cannot end the text in which it
// stands.
enum class Escaping : uint8_t {
  kNone,    // plain text: as they are
  kJson,    // for the inside of a string of JSON
  kMarkup,  // for HTML and XML: for texts, and for attributes in quotes
  kUnknown  // a type for which no way is known: the body must have no variables
};
// How values are written into a body of this media type, with or without parameters.
Escaping escaping_for(std::string_view media_type);

// The body of a response with variables in braces; `{{` stands for a brace. Unlike a Template it may have
// several lines, and values are escaped. Immutable; may be used on any thread.
class BodyTemplate {
 public:
  // Max size of all values of a body together. The first one that has no room is empty, and all after it.
  static constexpr size_t kMaxValues = 64 << 10;

  BodyTemplate() = default;
  // `text` must have passed check().
  BodyTemplate(std::string_view text, std::string_view media_type, variables::Moment moment);

  // What is wrong with a body of this type, or "". Variables have been checked by variables::parse_text().
  static std::string check(std::string_view text, std::string_view media_type, variables::Moment moment);

  bool empty() const { return pieces_.empty(); }
  // The body for this exchange, in the exchange's arena or in this object.
  std::string_view expand(const Context& context) const;

 private:
  std::vector<variables::Piece> pieces_;
  Escaping escaping_ = Escaping::kNone;
};

}  // namespace portcullis::policy

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "variables/variable.h"

namespace portcullis::variables {

// A piece of a text with variables: some literal text, then a variable.
struct Piece {
  std::string literal{};
  std::optional<Reference> variable{};  // none: the text ends here

  bool operator==(const Piece&) const = default;
};

// Divides `text` at its variables, which stand in braces: `{request.method}`. `{{` stands for a brace. The
// error is a sentence.
Result<std::vector<Piece>> parse_text(std::string_view text, Use use, Moment moment);

}  // namespace portcullis::variables

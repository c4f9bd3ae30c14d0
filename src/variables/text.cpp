#include "variables/text.h"

namespace portcullis::variables {

Result<std::vector<Piece>> parse_text(std::string_view text, Use use, Moment moment) {
  std::vector<Piece> out;
  Piece piece;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      piece.literal += text[i];
      continue;
    }
    if (text.substr(i + 1, 1) == "{") {
      piece.literal += text[i++];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos) return Error{"`{` without `}`; write `{{` for a brace"};
    auto variable = find(text.substr(i + 1, end - i - 1), use, moment);
    if (!variable) return variable.error();
    piece.variable = std::move(*variable);
    out.push_back(std::move(piece));
    piece = {};
    i = end;
  }
  if (!piece.literal.empty()) out.push_back(std::move(piece));
  return out;
}

}  // namespace portcullis::variables

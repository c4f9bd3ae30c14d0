#include "policy/template.h"

#include <algorithm>

#include "base/arena_text.h"
#include "base/text.h"
#include "http/characters.h"
#include "policy/variable_value.h"

namespace portcullis::policy {
namespace {

using variables::Author;
using variables::Moment;
using variables::Piece;
using variables::Use;

std::string check_text(const std::string& text, Moment moment) {
  if (!std::all_of(text.begin(), text.end(), http::is_field_value))
    return "control characters are not allowed here";
  const auto pieces = variables::parse_text(text, Use::kText, moment);
  return pieces ? "" : pieces.error().message;
}

}  // namespace

Template::Template(std::string_view text, Moment moment) {
  auto pieces = variables::parse_text(text, Use::kText, moment);
  if (pieces) pieces_ = std::move(*pieces);
}

Template::Template(variables::Reference variable) {
  pieces_.push_back({"", std::move(variable)});
}

std::string Template::check(const std::string& text) {
  return check_text(text, Moment::kRequest);
}

std::string Template::check_response(const std::string& text) {
  return check_text(text, Moment::kResponse);
}

std::string_view Template::beginning() const {
  return pieces_.empty() ? std::string_view() : pieces_[0].literal;
}

bool Template::begins_as_client_says() const {
  return !pieces_.empty() && pieces_[0].literal.empty() && pieces_[0].variable &&
         pieces_[0].variable->row().author == Author::kClient;
}

bool Template::is_of_identity() const {
  return std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    if (!piece.variable) return true;
    const Author author = piece.variable->row().author;
    return author == Author::kCaller || author == Author::kConfiguration;
  });
}

bool Template::names_caller() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    if (!piece.variable) return false;
    return piece.variable->row().author == Author::kCaller ||
           (piece.variable->variable == variables::Variable::kRequestHeader &&
            equals_ignoring_case(piece.variable->argument, "authorization"));
  });
}

const variables::Reference* Template::only_variable() const {
  const bool is_only = pieces_.size() == 1 && pieces_[0].literal.empty() && pieces_[0].variable;
  return is_only ? &*pieces_[0].variable : nullptr;
}

CallerReads Template::caller_reads() const {
  CallerReads out;
  for (const Piece& piece : pieces_) {
    if (piece.variable) add_caller_read(*piece.variable, out);
  }
  return out;
}

void Template::add_read_fields(OwnedFields& fields) const {
  for (const Piece& piece : pieces_) {
    if (piece.variable) add_read_field(*piece.variable, fields);
  }
}

void Template::add_reads(RequestReads& reads, RequestReads::Use use) const {
  for (const Piece& piece : pieces_) {
    if (piece.variable) reads.add(*piece.variable, use);
  }
}

std::string_view Template::expand(const Context& context) const {
  if (pieces_.empty()) return {};
  if (pieces_.size() == 1 && !pieces_[0].variable) return pieces_[0].literal;
  if (pieces_.size() == 1 && pieces_[0].literal.empty()) return value_of(*pieces_[0].variable, context);
  ArenaText out(context.arena);
  for (const Piece& piece : pieces_) {
    out.add(piece.literal);
    if (piece.variable) out.add(value_of(*piece.variable, context));
  }
  return out.view();
}

}  // namespace portcullis::policy

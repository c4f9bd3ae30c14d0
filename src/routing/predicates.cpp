#include "routing/predicates.h"

#include <re2/re2.h>

#include <optional>

#include "base/text.h"

namespace portcullis::routing {
namespace {

// The next character of a query's name or value, decoded (the form-urlencoding of the URL standard: '+' is a
// space); a broken encoding stands for itself.
char next_decoded(std::string_view& text) {
  const char c = text.front();
  if (c == '%' && text.size() > 2 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0) {
    const auto decoded = static_cast<char>(hex_value(text[1]) << 4 | hex_value(text[2]));
    text.remove_prefix(3);
    return decoded;
  }
  text.remove_prefix(1);
  return c == '+' ? ' ' : c;
}

bool equals_decoded(std::string_view encoded, std::string_view plain) {
  for (const char c : plain) {
    if (encoded.empty() || next_decoded(encoded) != c) return false;
  }
  return encoded.empty();
}

std::string decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) out += next_decoded(text);
  return out;
}

}  // namespace

struct Predicates::Compiled {
  Predicate rule;
  std::unique_ptr<re2::RE2> expression;

  explicit Compiled(const Predicate& from) : rule(from) {
    if (rule.kind == Predicate::Kind::kMatches)
      expression = std::make_unique<re2::RE2>(rule.text, re2::RE2::Quiet);
  }
  bool matches(std::string_view value) const {
    return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *expression);
  }
};

std::string describe(const Predicate& predicate, std::string_view what) {
  std::string subject = std::string(what) + " `" + predicate.name + "`";
  switch (predicate.kind) {
    case Predicate::Kind::kEquals: return subject + " is not `" + predicate.text + "`";
    case Predicate::Kind::kMatches: return subject + " does not match `" + predicate.text + "`";
    case Predicate::Kind::kPresent: return subject + " is absent";
    case Predicate::Kind::kAbsent: return subject + " is present";
  }
  return subject;
}

Predicates::Predicates(const std::vector<Predicate>& headers, const std::vector<Predicate>& query) {
  for (const Predicate& one : headers) headers_.emplace_back(one);
  for (const Predicate& one : query) query_.emplace_back(one);
}
Predicates::~Predicates() = default;

bool Predicates::header_holds(const Compiled& one, const http::Fields* fields) const {
  bool present = false;
  if (fields != nullptr) {
    for (const http::Field& field : *fields) {
      if (!equals_ignoring_case(field.name, one.rule.name)) continue;
      present = true;
      if (one.rule.kind == Predicate::Kind::kEquals && field.value == one.rule.text) return true;
      if (one.rule.kind == Predicate::Kind::kMatches && one.matches(field.value)) return true;
    }
  }
  return one.rule.kind == (present ? Predicate::Kind::kPresent : Predicate::Kind::kAbsent);
}

bool Predicates::query_holds(const Compiled& one, std::string_view query) const {
  bool present = false;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!equals_decoded(pair.substr(0, equals), one.rule.name)) continue;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    present = true;
    if (one.rule.kind == Predicate::Kind::kEquals && equals_decoded(value, one.rule.text)) return true;
    if (one.rule.kind == Predicate::Kind::kMatches && one.matches(decoded(value))) return true;
  }
  return one.rule.kind == (present ? Predicate::Kind::kPresent : Predicate::Kind::kAbsent);
}

bool Predicates::admit(const http::Fields* fields, std::string_view query) const {
  for (const Compiled& one : headers_) {
    if (!header_holds(one, fields)) return false;
  }
  for (const Compiled& one : query_) {
    if (!query_holds(one, query)) return false;
  }
  return true;
}

std::string Predicates::why_not(const http::Fields* fields, std::string_view query) const {
  for (const Compiled& one : headers_) {
    if (!header_holds(one, fields)) return describe(one.rule, "header");
  }
  for (const Compiled& one : query_) {
    if (!query_holds(one, query)) return describe(one.rule, "query parameter");
  }
  return "";
}

}  // namespace portcullis::routing

#include "routing/predicates.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/query.h"
#include "routing/route_table.h"

namespace portcullis::routing {

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

void note_doubt(const Match& match, Doubt& doubt) {
  const auto note = [&](const std::vector<Predicate>& predicates, const std::vector<std::string>& unknown,
                        const char* family) {
    for (const Predicate& one : predicates) {
      const bool is_unknown = std::any_of(unknown.begin(), unknown.end(), [&](const std::string& name) {
        return equals_ignoring_case(name, one.name);
      });
      if (is_unknown && doubt.met.empty()) doubt.met = family + to_lower(one.name);
    }
  };
  note(match.headers, doubt.headers, "request.header.");
  note(match.query, doubt.parameters, "query.");
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
  bool present = false, holds = false;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view value, std::string_view) {
    if (!http::equals_query_text(name, one.rule.name)) return true;
    present = true;
    holds = (one.rule.kind == Predicate::Kind::kEquals && http::equals_query_text(value, one.rule.text)) ||
            (one.rule.kind == Predicate::Kind::kMatches && one.matches(http::decode_query_text(value)));
    return !holds;
  });
  if (holds) return true;
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

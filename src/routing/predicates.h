#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "routing/match.h"

namespace re2 {
class RE2;
}

namespace portcullis::routing {

// Describes a predicate to people: "header `x-version` = `2`".
std::string describe(const Predicate& predicate, std::string_view what);

struct Doubt;
// Notes in `doubt` the first part that `match` reads and that is not known.
void note_doubt(const Match& match, Doubt& doubt);

// The predicates of one route, compiled. Immutable; any thread.
//
// RE2 takes a reader's lock internally, and a query value is decoded on the heap before an expression
// examines it; routes without expressions avoid both.
class Predicates {
 public:
  Predicates(const std::vector<Predicate>& headers, const std::vector<Predicate>& query);
  ~Predicates();

  // `fields` may be null: no fields. `query` is as received, without '?'.
  bool admit(const http::Fields* fields, std::string_view query) const;

  // Describes the first predicate that fails; "" when all hold. Not for the hot path.
  std::string why_not(const http::Fields* fields, std::string_view query) const;

 private:
  struct Compiled;
  bool header_holds(const Compiled& one, const http::Fields* fields) const;
  bool query_holds(const Compiled& one, std::string_view query) const;

  std::vector<Compiled> headers_;
  std::vector<Compiled> query_;
};

}  // namespace portcullis::routing

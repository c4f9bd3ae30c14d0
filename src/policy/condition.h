#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/caller_read.h"
#include "policy/policy.h"
#include "runtime/ip_range.h"

namespace portcullis::policy {

// A condition on a request and its caller, as one writes it:
//
//   scope = orders:read and (group in [admins, support] or claim.tenant = acme)
//   method in [GET, HEAD] and not path under /internal
//
// Subjects: scope, group, consumer, claim.NAME, header.NAME, cookie.NAME, method, host, path, route,
// client_address. A subject with several values (scope, group, a claim that is a list, a header that comes in
// several fields or as a list, a cookie that comes more than once) equals a value when one of them does; a
// claim that is null has none, and does not exist. Operators: = (or ==), !=, in [...], not in [...], exists;
// `under` for paths and address blocks. `client_address` equals an address however it is written, and a block
// that it lies in. `and` binds tighter than `or`; `not` and parentheses as usual; values
// with spaces or brackets stand in quotes.
class Condition {
 public:
  Condition() = default;  // always true
  // `text` must have passed check().
  explicit Condition(std::string_view text);

  // What is wrong with it, or "".
  static std::string check(const std::string& text);
  // A condition as text, or as a mapping of subjects to values that must all hold: {scope: orders:read}; kept
  // as text.
  static config::Type<std::string> type();

  bool empty() const { return root_ == nullptr; }
  bool holds(const Context& context) const;
  // The scopes that it names, separated by spaces, for a challenge (RFC 6750 section 3).
  std::string scopes() const;
  // What it reads of the caller.
  CallerReads caller_reads() const;
  // Adds the header fields that it reads.
  void add_read_fields(OwnedFields& fields) const;

 private:
  enum class Subject : uint8_t {
    kScope,
    kGroup,
    kConsumer,
    kClaim,
    kHeader,
    kCookie,
    kMethod,
    kHost,
    kPath,
    kRoute,
    kAddress
  };
  enum class Operator : uint8_t { kAnd, kOr, kNot, kIn, kUnder, kExists };
  struct Node {
    Operator what;
    Subject subject{};
    std::string name;  // of the claim, header or cookie
    std::vector<std::string> values;
    std::vector<IpRange> ranges;
    std::vector<std::unique_ptr<Node>> inner;
  };
  class Parser;
  static bool holds(const Node& node, const Context& context);
  static bool equals(const Node& node, std::string_view value, const Context& context);
  static bool exists(const Node& node, const Context& context);
  static bool is_under(const Node& node, const Context& context);
  static std::string_view text_of(const Node& node, const Context& context);
  static void gather_scopes(const Node& node, std::string& out);
  static void gather_reads(const Node& node, CallerReads& out);
  static void gather_fields(const Node& node, OwnedFields& out);

  std::shared_ptr<const Node> root_;
};

}  // namespace portcullis::policy

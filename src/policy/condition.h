#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/caller_read.h"
#include "policy/policy.h"
#include "runtime/ip_range.h"
#include "variables/variable.h"

namespace portcullis::policy {

// A condition on a request and its caller, for example:
//
//   scope = orders:read and (consumer.groups in [admins, support] or claim.tenant = acme)
//   request.method in [GET, HEAD] and not request.path under /internal
//
// Subjects are the variables of variables/variable.h that can be read when a request is handled. A variable
// with several values (`scope`, `consumer.groups`, a claim that is a list, a header field that comes several
// times or as a list, a cookie or a parameter that comes more than once) equals a value when one of its
// values does. A claim that is null does not exist. Operators: = (or ==), !=, in [...], not in [...], exists;
// `under` for `request.path` and for `client.address`. `client.address` equals an address in any spelling,
// and a block that contains the address. `and` binds tighter than `or`; `not` and parentheses work as usual;
// values with spaces or brackets are quoted.
class Condition {
 public:
  Condition() = default;  // always true
  // `text` must have passed check().
  explicit Condition(std::string_view text);

  // What is wrong with `text`, or "".
  static std::string check(const std::string& text);
  // The configuration type of a condition: text, or a mapping of subjects to values that must all hold, such
  // as {scope: orders:read}. Either form is stored as text.
  static config::Type<std::string> type();

  bool empty() const { return root_ == nullptr; }
  bool holds(const Context& context) const;
  // The scopes that the condition names, separated by spaces, for a challenge (RFC 6750 section 3).
  std::string scopes() const;
  // The properties of the caller that the condition reads.
  CallerReads caller_reads() const;
  // Adds the header fields that the condition reads.
  void add_read_fields(OwnedFields& fields) const;
  // Adds the parts of the request that the condition reads.
  void add_reads(RequestReads& reads, RequestReads::Use use = RequestReads::Use::kDecides) const;

 private:
  enum class Operator : uint8_t { kAnd, kOr, kNot, kIn, kUnder, kExists };
  struct Node {
    Operator what;
    variables::Reference subject{};
    std::vector<std::string> values;
    std::vector<IpRange> ranges;
    std::vector<std::unique_ptr<Node>> inner;
  };
  class Parser;
  static bool holds(const Node& node, const Context& context);
  static bool equals(const Node& node, std::string_view value, const Context& context);
  static bool exists(const Node& node, const Context& context);
  static bool is_under(const Node& node, const Context& context);
  static void gather_scopes(const Node& node, std::string& out);
  static void gather_reads(const Node& node, CallerReads& out);
  static void gather_fields(const Node& node, OwnedFields& out);
  static void gather_request_reads(const Node& node, RequestReads::Use use, RequestReads& out);

  std::shared_ptr<const Node> root_;
};

}  // namespace portcullis::policy

#pragma once

#include <string>
#include <string_view>

#include "limits/local_limits.h"
#include "policy/template.h"

namespace portcullis::policy {

// The scope under which a policy counts: its own name, or the place where it stands. Counts that outlive a
// reload, and counts in stores, are found again by this scope.
std::string count_scope(const std::string& name, const BuildContext& build);

// Which requests are counted together: those of one `caller`, `all`, those with the same value of a variable,
// such as `client.address`, or those with the same text of a template. Immutable; may be used on any thread.
class LimitKey {
 public:
  LimitKey() = default;
  // `text` must have passed check().
  explicit LimitKey(std::string_view text);

  // What is wrong with `text`, or "".
  static std::string check(const std::string& text);
  static config::Type<std::string> type();
  static const char* summary();

  enum class Kind : uint8_t { kAll, kCaller, kClientAddress, kRoute, kUpstream, kTemplate };
  Kind kind() const { return kind_; }

  // The properties of the caller that the key reads. The key `caller` has none, because it is the client's
  // address when there is no consumer.
  CallerReads caller_reads() const { return template_.caller_reads(); }
  // Adds the header fields that the key reads.
  void add_read_fields(OwnedFields& fields) const { template_.add_read_fields(fields); }
  // Adds the parts of the request that the key reads.
  void add_reads(RequestReads& reads, RequestReads::Use use) const { template_.add_reads(reads, use); }

  // The text of the key for this exchange. The view is valid as long as the exchange lives. A request without
  // a consumer counts for its client's address; IPv6 clients of the same /64, which is what one subscriber
  // has, count together.
  std::string_view text_of(Context& context) const;
  // A description of the requests that count together: "consumer `shop`", "route `orders`", "all requests".
  std::string describe(Context& context) const;
  // The space of counters for this exchange, which depends on whether a client can choose the text freely.
  limits::CounterSpace space_of(const Context& context) const;

 private:
  Kind kind_ = Kind::kCaller;
  std::string source_;  // the source text of the template
  Template template_;
  // Whether the template depends only on an authenticated caller or on the configuration.
  bool of_identity_ = false;
};

}  // namespace portcullis::policy

#pragma once

#include <string>
#include <string_view>

#include "limits/local_limits.h"
#include "policy/template.h"

namespace portcullis::policy {

// Under what a policy counts: its own name, or the place where it stands. Counts that outlive a reload, and
// those in stores, are found again by it.
std::string count_scope(const std::string& name, const BuildContext& build);

// Which requests are counted together: those of one `caller`, `all`, those with the same value of a variable,
// as `client.address`, or those with the same text of a template. Immutable; any thread.
class LimitKey {
 public:
  LimitKey() = default;
  // `text` must have passed check().
  explicit LimitKey(std::string_view text);

  // What is wrong with it, or "".
  static std::string check(const std::string& text);
  static config::Type<std::string> type();
  static const char* summary();

  enum class Kind : uint8_t { kAll, kCaller, kClientAddress, kRoute, kUpstream, kTemplate };
  Kind kind() const { return kind_; }

  // What the key reads of the caller. `caller` reads nothing by this measure, because it stands for the
  // client's address where there is no consumer.
  CallerReads caller_reads() const { return template_.caller_reads(); }
  // Adds the header fields that it reads.
  void add_read_fields(OwnedFields& fields) const { template_.add_read_fields(fields); }

  // Its text for this exchange, in the exchange's arena or older. A request without a consumer counts for its
  // client's address; IPv6 clients of one /64, which is what one subscriber has, count together.
  std::string_view text_of(Context& context) const;
  // Whose requests count together, for people: "consumer `shop`", "route `orders`", "all requests".
  std::string describe(Context& context) const;
  // Who has chosen that text.
  limits::CounterSpace space_of(const Context& context) const;

 private:
  Kind kind_ = Kind::kCaller;
  std::string source_;  // of the template
  Template template_;
  bool of_identity_ = false;  // the template
};

}  // namespace portcullis::policy

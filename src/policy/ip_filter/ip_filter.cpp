#include "policy/ip_filter/ip_filter.h"

#include <algorithm>

#include "config/field_types.h"
#include "runtime/ip_range.h"

namespace portcullis::policy {
namespace {

struct Settings {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
};

class IpFilter final : public Policy {
 public:
  explicit IpFilter(const Settings& settings) {
    for (const std::string& text : settings.allow) allow_.push_back(*IpRange::parse(text));
    for (const std::string& text : settings.deny) deny_.push_back(*IpRange::parse(text));
  }

  Decision on_request(Context& context) const override {
    // A client on a Unix socket has no address: only a list of refusals lets it in.
    const auto address = IpAddress::parse(context.client_address);
    const auto holds = [&](const IpRange& range) { return address && range.contains(*address); };
    if (std::any_of(deny_.begin(), deny_.end(), holds) ||
        (!allow_.empty() && std::none_of(allow_.begin(), allow_.end(), holds))) {
      return Decision::refuse(403, "address_refused");
    }
    return Decision::proceed();
  }

 private:
  std::vector<IpRange> allow_;
  std::vector<IpRange> deny_;
};

}  // namespace

Kind ip_filter_kind() {
  const auto ranges = config::list_of<std::string>(config::address_range_type());
  auto type = std::make_shared<config::ObjectType>(
      "ip_filter", "Admits or refuses clients by address: 403. `deny` wins over `allow`.");
  type->optional("allow", &Settings::allow, ranges, "all",
                 "The only clients admitted: addresses or CIDR blocks.")
      .optional("deny", &Settings::deny, ranges, "none", "Clients refused.");
  return make_kind<Settings, IpFilter>("ip_filter", type);
}

}  // namespace portcullis::policy

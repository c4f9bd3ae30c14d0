#include "policy/ip_filter/ip_filter.h"

#include <fstream>

#include "base/text.h"
#include "config/field_types.h"
#include "config/marked_type.h"
#include "policy/ip_filter/reasons.h"
#include "runtime/ip_set.h"

namespace portcullis::policy::ip_filter {
namespace {

struct Settings {
  std::vector<std::string> allow;
  config::Location allow_location;
  std::vector<std::string> deny;
  std::string allow_file;
  std::string deny_file;
};

// Reads a file with one address block per line; `#` begins a comment. Returns the first error.
Result<std::vector<IpRange>> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{"cannot read the address list `" + path + "`"};
  std::vector<IpRange> out;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::string_view text = line;
    text = trim(text.substr(0, text.find('#')));
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.empty()) continue;
    const auto range = IpRange::parse(text);
    if (!range) return Error{path + ":" + std::to_string(number) + ": " + range.error().message};
    out.push_back(*range);
  }
  return out;
}

IpSet compile(const std::vector<std::string>& texts, const std::string& file, const config::Location& place) {
  std::vector<IpRange> ranges;
  ranges.reserve(texts.size());
  for (const std::string& text : texts) ranges.push_back(*IpRange::parse(text));
  if (!file.empty()) {
    const auto read = read_file(place.beside(file));
    if (read) ranges.insert(ranges.end(), read->begin(), read->end());
  }
  return IpSet(ranges);
}

class IpFilter final : public Policy {
 public:
  IpFilter(const Settings& settings, const BuildContext& build)
      : allow_(compile(settings.allow, settings.allow_file, build.location)),
        deny_(compile(settings.deny, settings.deny_file, build.location)),
        allows_all_(settings.allow_location.line_read == 0 && settings.allow_file.empty()) {}

  Decision on_request(Context& context) const override {
    // A client on a Unix socket has no address, so it is admitted only when there is no list of admitted
    // addresses.
    const auto address = IpAddress::parse(context.client.address);
    const bool denied = address && deny_.contains(*address);
    const bool allowed = allows_all_ || (address && allow_.contains(*address));
    return denied || !allowed ? Decision::refuse(kReasons.address_refused) : Decision::proceed();
  }

 private:
  IpSet allow_;
  IpSet deny_;
  bool allows_all_;
};

void check(const config::PolicyUse& use, const Settings& settings, const config::Config&,
           config::Diagnostics& diagnostics) {
  for (const std::string& file : {settings.allow_file, settings.deny_file}) {
    if (file.empty()) continue;
    if (const auto read = read_file(use.location.beside(file)); !read)
      diagnostics.error(use.location, read.error().message);
  }
}

}  // namespace

Kind kind() {
  const auto ranges = config::list_of<std::string>(config::address_range_type());
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "ip_filter",
      "Accepts or refuses (403) requests by the address of the client. `deny` wins over `allow`.");
  type->optional("allow", &Settings::allow, ranges,
                 "The only clients that are accepted: addresses or CIDR blocks. With an empty list no client "
                 "is accepted.")
      .default_in_words("all")
      .locate_last(&Settings::allow_location)
      .optional("deny", &Settings::deny, ranges, "Clients that are refused: addresses or CIDR blocks.")
      .optional("allow_file", &Settings::allow_file, config::file_path("/etc/portcullis/partners.txt"),
                "A file with further addresses and CIDR blocks for `allow`, one per line, which is read when "
                "the configuration is loaded. A relative path begins at the configuration's folder.")
      .optional("deny_file", &Settings::deny_file, config::file_path("/etc/portcullis/abusers.txt"),
                "A file with further addresses and CIDR blocks for `deny`, as for `allow_file`.");
  return with_insight<Settings>(
      make_kind<Settings, IpFilter>("ip_filter", type, check).with_reasons(kReasons),
      [](const Settings&, const config::PolicyUse&) { return Insight{.decides_access = true}; });
}

}  // namespace portcullis::policy::ip_filter

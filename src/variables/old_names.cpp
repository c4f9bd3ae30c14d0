#include "variables/old_names.h"

#include <array>

namespace portcullis::variables {
namespace {

constexpr auto kOldNames = std::to_array<OldName>({
    {Use::kText, "request.cookie.", "cookie."},
    {Use::kText, "request.parameter.", "path."},

    {Use::kCondition, "group", "consumer.groups"},
    {Use::kCondition, "consumer", "consumer.name"},
    {Use::kCondition, "header.", "request.header."},
    {Use::kCondition, "method", "request.method"},
    {Use::kCondition, "host", "request.host"},
    {Use::kCondition, "path", "request.path"},
    {Use::kCondition, "route", "route.name"},
    {Use::kCondition, "client_address", "client.address"},

    {Use::kKey, "consumer", "caller"},
    {Use::kKey, "client_address", "client.address"},
    {Use::kKey, "route", "route.name"},
    {Use::kKey, "upstream", "upstream.name"},
    {Use::kKey, "request.cookie.", "cookie."},
    {Use::kKey, "request.parameter.", "path."},

    {Use::kLogFormat, "request_id", "request.id"},
    {Use::kLogFormat, "client", "client.address"},
    {Use::kLogFormat, "peer", "peer.address"},
    {Use::kLogFormat, "method", "request.method"},
    {Use::kLogFormat, "host", "request.host"},
    {Use::kLogFormat, "path", "request.raw_path"},
    {Use::kLogFormat, "query", "request.query"},
    {Use::kLogFormat, "version", "request.version"},
    {Use::kLogFormat, "consumer", "consumer.name"},
    {Use::kLogFormat, "credential", "consumer.credential"},
    {Use::kLogFormat, "route", "route.name"},
    {Use::kLogFormat, "upstream", "upstream.name"},
    {Use::kLogFormat, "branch", "route.branch"},
    {Use::kLogFormat, "target", "target.address"},
    {Use::kLogFormat, "tries", "target.tries"},
    {Use::kLogFormat, "ended", "end.reason"},
    {Use::kLogFormat, "policy", "policy.name"},
    {Use::kLogFormat, "note", "policy.note"},
    {Use::kLogFormat, "cache", "cache.outcome"},
    {Use::kLogFormat, "time", "time.utc"},
    {Use::kLogFormat, "time_common", "time.common"},
    {Use::kLogFormat, "status", "response.status"},
    {Use::kLogFormat, "request_bytes", "request.bytes"},
    {Use::kLogFormat, "response_bytes", "response.bytes"},
    {Use::kLogFormat, "request_head_us", "duration.request_head_us"},
    {Use::kLogFormat, "response_head_us", "duration.response_head_us"},
    {Use::kLogFormat, "targets_us", "duration.targets_us"},
    {Use::kLogFormat, "total_us", "duration.total_us"},
    {Use::kLogFormat, "request_header.", "request.header."},
    {Use::kLogFormat, "response_header.", "response.header."},
});

}  // namespace

std::span<const OldName> old_names() {
  return kOldNames;
}

std::string name_now(std::string_view name, Use use) {
  for (const OldName& old : kOldNames) {
    if (old.use != use) continue;
    if (!old.was.ends_with('.')) {
      if (name == old.was) return std::string(old.is);
    } else if (name.starts_with(old.was) && name.size() > old.was.size()) {
      return std::string(old.is) + std::string(name.substr(old.was.size()));
    }
  }
  return "";
}

}  // namespace portcullis::variables

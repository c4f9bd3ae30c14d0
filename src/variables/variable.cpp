#include "variables/variable.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "variables/old_names.h"

namespace portcullis::variables {
namespace {

constexpr uint8_t kAtRequest = static_cast<uint8_t>(Moment::kRequest);
constexpr uint8_t kAtResponse = static_cast<uint8_t>(Moment::kResponse);
constexpr uint8_t kAtEnd = static_cast<uint8_t>(Moment::kEnd);
constexpr uint8_t kAtError = static_cast<uint8_t>(Moment::kError);
constexpr uint8_t kByPolicies = kAtRequest | kAtResponse | kAtError;
constexpr uint8_t kAlways = kByPolicies | kAtEnd;

using V = Variable;
using A = Author;

constexpr auto kRows = std::to_array<Row>({
    {V::kRequestMethod, "request.method", "", kAlways, A::kRequest, "the method"},
    {V::kRequestScheme, "request.scheme", "", kByPolicies, A::kRequest,
     "`http` or `https`, as trusted proxies report it"},
    {V::kRequestHost, "request.host", "", kAlways, A::kRequest, "the host, in lower case and without a port"},
    {V::kRequestPath, "request.path", "", kAlways, A::kClient,
     "the path by which routes are chosen, in its canonical form"},
    {V::kRequestRawPath, "request.raw_path", "", kAlways, A::kClient, "the path as the client wrote it"},
    {V::kRequestQuery, "request.query", "", kAlways, A::kClient,
     "the query, without `?`; the access log replaces the values of secret parameters"},
    {V::kRequestVersion, "request.version", "", kAtEnd, A::kRequest, "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`"},
    {V::kRequestId, "request.id", "", kAlways, A::kRequest, "the id of the request (`x-request-id`)"},
    {V::kRequestBytes, "request.bytes", "", kAtEnd, A::kClient, "the size of the body of the request"},
    {V::kRequestHeader, "request.header.", "NAME", kAlways, A::kClient,
     "a header field of the request: of several fields one list, in a condition any of the values; the "
     "access log replaces secret values"},
    {V::kCookie, "cookie.", "NAME", kByPolicies, A::kClient,
     "a cookie of the request: the first of that name, in a condition any of them"},
    {V::kQuery, "query.", "NAME", kByPolicies, A::kClient,
     "a parameter of the query, decoded: the first of that name, in a condition any of them"},
    {V::kPath, "path.", "NAME", kByPolicies, A::kClient,
     "a parameter of the path of the route (`{NAME}` in `match.path`); empty where the route has none "
     "of that name"},
    {V::kClientAddress, "client.address", "", kAlways, A::kRequest,
     "the address of the client, as trusted proxies report it, or `unix`; in a key, IPv6 addresses of "
     "one /64 are equal"},
    {V::kPeerAddress, "peer.address", "", kAtEnd, A::kRequest,
     "the address of the other end of the connection"},
    {V::kCertificateSubject, "client.certificate.subject", "", kByPolicies, A::kCaller,
     "the subject of the verified certificate of the client; empty without one"},
    {V::kCertificateIssuer, "client.certificate.issuer", "", kByPolicies, A::kCaller,
     "the issuer of that certificate"},
    {V::kCertificateSerial, "client.certificate.serial", "", kByPolicies, A::kCaller,
     "the serial number of that certificate"},
    {V::kCertificateFingerprint, "client.certificate.fingerprint", "", kByPolicies, A::kCaller,
     "the SHA-256 fingerprint of that certificate"},
    {V::kConsumerName, "consumer.name", "", kAlways, A::kCaller, "the name of the consumer"},
    {V::kConsumerGroups, "consumer.groups", "", kByPolicies, A::kCaller,
     "the groups of the consumer: in a text one list, in a condition any of them"},
    {V::kConsumerCredential, "consumer.credential", "", kAlways, A::kCaller,
     "the name of the key that the consumer has used"},
    {V::kConsumerMetadata, "consumer.metadata.", "KEY", kByPolicies, A::kCaller,
     "an entry of the `metadata` of the consumer"},
    {V::kScope, "scope", "", kByPolicies, A::kCaller,
     "the scopes of the token (the claims `scope` and `scp`): in a text one list, in a condition any of "
     "them"},
    {V::kClaim, "claim.", "NAME", kByPolicies, A::kCaller,
     "a claim of the token, `claim.realm.roles` for an inner claim: of a list all elements joined by "
     "commas, in a condition any of them"},
    {V::kClaimJson, "claim_json.", "NAME", kByPolicies, A::kCaller, "a claim of the token, as JSON"},
    {V::kRevision, "revision", "", kAlways, A::kConfiguration,
     "the number of the [revision](concepts/revision.md) that serves the request"},
    {V::kRouteName, "route.name", "", kAlways, A::kConfiguration, "the name of the route"},
    {V::kRouteBranch, "route.branch", "", kAtResponse | kAtEnd, A::kConfiguration,
     "the name of the branch of the `split` of the route; empty where a policy has answered"},
    {V::kUpstreamName, "upstream.name", "", kAlways, A::kConfiguration, "the name of the upstream"},
    {V::kTargetAddress, "target.address", "", kAtEnd, A::kConfiguration, "the address of the last target"},
    {V::kTargetTries, "target.tries", "", kAtEnd, A::kResponse, "how often the request was sent to a target"},
    {V::kResponseStatus, "response.status", "", kAtResponse | kAtEnd, A::kResponse,
     "the status; in the access log 0 when the client got no response"},
    {V::kResponseBytes, "response.bytes", "", kAtEnd, A::kResponse, "the size of the body of the response"},
    {V::kResponseHeader, "response.header.", "NAME", kAtResponse | kAtEnd, A::kResponse,
     "a header field of the response: of several fields one list; the access log replaces secret values"},
    {V::kCacheOutcome, "cache.outcome", "", kAtEnd, A::kResponse,
     "what a cache did: `hit`, `stale`, `collapsed`, `revalidated`, `miss` or `bypass`"},
    {V::kPolicyName, "policy.name", "", kAtEnd, A::kConfiguration,
     "the policy that refused or answered the request"},
    {V::kPolicyNote, "policy.note", "", kAtEnd, A::kConfiguration,
     "a remark about a request that was not refused"},
    {V::kEndReason, "end.reason", "", kAtEnd, A::kResponse, "how the request ended ([reasons](reasons.md))"},
    {V::kErrorStatus, "error.status", "", kAtError, A::kResponse, "the status that the client gets"},
    {V::kErrorTitle, "error.title", "", kAtError, A::kResponse, "the words for that status, as `Not Found`"},
    {V::kErrorDetail, "error.detail", "", kAtError, A::kResponse,
     "the cause, as far as clients may learn it: what `detail` is without `errors`"},
    {V::kErrorReason, "error.reason", "", kAtError, A::kResponse,
     "the cause as the access log has it ([reasons](reasons.md)); it may say more than `error.detail`"},
    {V::kTimeUtc, "time.utc", "", kAtEnd, A::kRequest, "the time, as `2026-11-28T12:00:00.123Z`"},
    {V::kTimeCommon, "time.common", "", kAtEnd, A::kRequest,
     "the time as web servers write it, as `28/Nov/2026:12:00:00 +0000`"},
    {V::kDurationRequestHead, "duration.request_head_us", "", kAtEnd, A::kRequest,
     "microseconds from the first byte of the request to the end of its head"},
    {V::kDurationResponseHead, "duration.response_head_us", "", kAtEnd, A::kResponse,
     "microseconds from the first byte of the request to the end of the head of the response"},
    {V::kDurationTargets, "duration.targets_us", "", kAtEnd, A::kResponse,
     "microseconds of all tries at targets"},
    {V::kDurationTotal, "duration.total_us", "", kAtEnd, A::kResponse,
     "microseconds from the first byte of the request to its end"},
});

constexpr bool is_in_order() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].variable) != i) return false;
  }
  return kRows.size() == kVariables;
}
static_assert(is_in_order(), "row_of() takes a row by the number of its variable");

std::string when_readable(const Row& row) {
  if (row.can_be_read(Moment::kRequest)) return "while the policies see the request and its response";
  if (row.can_be_read(Moment::kResponse))
    return "once there is a response: in `headers.response` and in the access log";
  if (row.can_be_read(Moment::kError)) return "in an error of the gateway: in the texts of `errors`";
  return "at the end of a request: in the access log";
}

// What `name` would be if it were meant for `row`: a family takes the argument from it.
std::string likely_name(const Row& row, std::string_view name) {
  if (!row.is_family()) return std::string(row.name);
  size_t begin = 0;
  for (auto dots = std::count(row.name.begin(), row.name.end(), '.'); dots > 0 && begin != name.npos;
       --dots) {
    begin = name.find('.', begin);
    if (begin != name.npos) ++begin;
  }
  const bool has_argument = begin < name.size();
  return std::string(row.name) + std::string(has_argument ? name.substr(begin) : row.argument);
}

}  // namespace

std::span<const Row> all() {
  return kRows;
}

const Row& row_of(Variable variable) {
  return kRows[static_cast<size_t>(variable)];
}

Result<Reference> find(std::string_view name, Use use, Moment moment) {
  for (const Row& row : kRows) {
    const bool matches =
        row.is_family() ? name.starts_with(row.name) && name.size() > row.name.size() : name == row.name;
    if (!matches) continue;
    if (!row.can_be_read(moment))
      return Error{"`" + std::string(name) + "` cannot be read here: it has a value only " +
                   when_readable(row)};
    return Reference{row.variable, std::string(name.substr(row.name.size()))};
  }
  if (const std::string now = name_now(name, use); !now.empty())
    return Error{"`" + std::string(name) + "` is called `" + now + "` now"};
  std::vector<std::string> likely;
  for (const Row& row : kRows) {
    if (row.is_family() && (name == row.name || std::string(name) + "." == row.name))
      return Error{"`" + std::string(name) + "` needs a name behind it: `" + row.title() + "`"};
    if (row.can_be_read(moment)) likely.push_back(likely_name(row, name));
  }
  return Error{"there is no variable `" + std::string(name) + "`" +
               suggestion_for(name, {likely.begin(), likely.end()})};
}

}  // namespace portcullis::variables

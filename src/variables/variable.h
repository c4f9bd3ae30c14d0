#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// The variables of an exchange: the names by which a configuration speaks of a request, its caller, its
// response and how it ended. Conditions, texts with variables, keys and formats of the access log take their
// names from this table, and so does the reference. Names are looked up while a configuration is loaded,
// never while a request is served.
namespace portcullis::variables {

enum class Variable : uint8_t {
  kRequestMethod,
  kRequestScheme,
  kRequestHost,
  kRequestPath,
  kRequestRawPath,
  kRequestQuery,
  kRequestVersion,
  kRequestId,
  kRequestBytes,
  kRequestHeader,
  kCookie,
  kQuery,
  kPath,
  kClientAddress,
  kPeerAddress,
  kCertificateSubject,
  kCertificateIssuer,
  kCertificateSerial,
  kCertificateFingerprint,
  kConsumerName,
  kConsumerGroups,
  kConsumerCredential,
  kConsumerMetadata,
  kScope,
  kClaim,
  kClaimJson,
  kRevision,
  kRouteName,
  kRouteBranch,
  kUpstreamName,
  kTargetAddress,
  kTargetTries,
  kResponseStatus,
  kResponseBytes,
  kResponseHeader,
  kCacheOutcome,
  kPolicyName,
  kPolicyNote,
  kEndReason,
  kErrorStatus,
  kErrorTitle,
  kErrorDetail,
  kErrorReason,
  kTimeUtc,
  kTimeCommon,
  kDurationRequestHead,
  kDurationResponseHead,
  kDurationTargets,
  kDurationTotal,
};
inline constexpr size_t kVariables = static_cast<size_t>(Variable::kDurationTotal) + 1;

// When a text or a condition is evaluated.
enum class Moment : uint8_t {
  kRequest = 1,   // when the policies see the request: conditions, keys, and most texts
  kResponse = 2,  // when the policies see the response
  kEnd = 4,       // when the access log has its line
  kError = 8,     // when the gateway makes an error response of its own
};

// What chooses the value of a variable.
enum class Author : uint8_t {
  kClient,         // the client may write any text
  kRequest,        // the request, within a form that the gateway has checked, or the gateway itself
  kCaller,         // an authenticated caller, or the authority that vouches for it
  kConfiguration,  // the configuration
  kResponse,       // the response
};

// One row of the table.
struct Row {
  Variable variable;
  std::string_view name;      // "request.method"; of a family its beginning: "claim."
  std::string_view argument;  // what stands behind the name of a family, for people: "NAME"; else empty
  uint8_t moments;            // at which it can be read, as a sum of Moment
  Author author;
  std::string_view description;  // a phrase of Markdown for the reference: "the method of the request"

  bool is_family() const { return !argument.empty(); }
  bool can_be_read(Moment moment) const { return (moments & static_cast<uint8_t>(moment)) != 0; }
  // "claim.NAME"
  std::string title() const { return std::string(name) + std::string(argument); }
};

// All rows, in the order of the enum.
std::span<const Row> all();
const Row& row_of(Variable variable);

// A variable that a configuration names.
struct Reference {
  Variable variable{};
  std::string argument{};  // of a family: the name of the header field, claim, ...; else empty

  const Row& row() const { return row_of(variable); }
  bool operator==(const Reference&) const = default;
};

// The part of a configuration in which a name stands. Names that a part had in earlier versions are refused
// with the name that has replaced them.
enum class Use : uint8_t { kText, kCondition, kKey, kLogFormat };

// Reads `name`. The error is a sentence that says which variable is likely meant, what replaces an old name,
// or at which moment the variable can be read.
Result<Reference> find(std::string_view name, Use use, Moment moment);

}  // namespace portcullis::variables

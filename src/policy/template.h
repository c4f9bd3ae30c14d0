#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/caller_read.h"
#include "policy/policy.h"

namespace portcullis::policy {

// Text with variables in braces: `{request.method}`, `.host`, `.path`, `.query`, `.scheme`, `.id`,
// `{request.header.NAME}` (all fields of that name as one list), `{request.cookie.NAME}`,
// `{request.parameter.NAME}` (of the route's path; empty where it has none), `{client.address}`,
// `{route.name}`, `{response.status}`, `{consumer.name}`,
// `{consumer.groups}`, `{consumer.credential}`, `{consumer.metadata.KEY}`, `{claim.NAME}` (a list joined by
// commas),
// `{claim_json.NAME}` (the value as JSON), `{client.certificate.subject}`, `.issuer`, `.serial`,
// `.fingerprint` (empty when the client has shown none). `{{` stands for a brace.
class Template {
 public:
  Template() = default;
  // `text` must have passed check().
  explicit Template(std::string_view text);

  // What is wrong with it, or "".
  static std::string check(const std::string& text);

  bool empty() const { return parts_.empty(); }
  // The text before the first variable.
  std::string_view beginning() const;
  // It begins with a variable whose text the client chooses: the path or a part of it, the query, a header or
  // a cookie.
  bool begins_as_client_says() const;
  // All its variables are of an authenticated caller, or of the configuration: a request that has not been
  // authenticated cannot choose its text.
  bool is_of_identity() const;
  // What it reads of the caller.
  CallerReads caller_reads() const;
  // Adds the header fields that it reads: for texts by which something is decided or counted.
  void add_read_fields(OwnedFields& fields) const;
  // Its text for this exchange, in the exchange's arena or the template itself. Control characters cannot
  // come in through variables: fields and targets have been checked by the parser, claims are filtered here.
  std::string_view expand(Context& context) const;

 private:
  enum class Variable : uint8_t {
    kLiteral,
    kMethod,
    kHost,
    kPath,
    kQuery,
    kScheme,
    kId,
    kHeader,
    kCookie,
    kParameter,
    kClientAddress,
    kCertificateSubject,
    kCertificateIssuer,
    kCertificateSerial,
    kCertificateFingerprint,
    kRouteName,
    kStatus,
    kConsumerName,
    kConsumerGroups,
    kConsumerCredential,
    kConsumerMetadata,
    kClaim,
    kClaimJson,
  };
  struct Part {
    Variable variable;
    std::string text;  // the literal, or the name of the header, parameter, claim, ...
  };
  static std::string parse(std::string_view text, std::vector<Part>& parts);
  static std::string_view value_of(const Part& part, Context& context);

  std::vector<Part> parts_;
};

}  // namespace portcullis::policy

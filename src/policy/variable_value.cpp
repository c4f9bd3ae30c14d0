#include "policy/variable_value.h"

#include "base/text.h"
#include "http/characters.h"
#include "http/combined_value.h"
#include "http/query.h"

namespace portcullis::policy {
namespace {

using variables::Variable;

// The text of a variable of the error for which a response is made.
std::string_view error_text(Variable what, const ToldError* error, Arena& arena) {
  if (error == nullptr) return {};
  if (what == Variable::kErrorStatus) return arena.decimal(error->status);
  if (what == Variable::kErrorTitle) return http::reason_phrase(error->status);
  return what == Variable::kErrorDetail ? error->detail : error->reason.name;
}

// Returns `text`, or an empty text when it has characters that no header field may have.
std::string_view field_text(std::string_view text) {
  return http::is_field_text(text) ? text : std::string_view();
}

// The scopes of the claims. They are in the claim `scope`, or with some issuers in the claim `scp`.
std::string_view scopes_of(const identity::Claims& claims, Arena& arena) {
  return claims.joined_text_of(claims.has_value("scope") ? "scope" : "scp", arena);
}

// The values of the fields of one name, joined as a list. Cookie fields are joined by semicolons instead (RFC
// 6265 section 4.2.1).
std::string_view header_of(const http::Fields& fields, const std::string& name, Arena& arena) {
  return http::combined_value(fields, name, equals_ignoring_case(name, "cookie") ? "; " : ", ", arena);
}

std::string_view certificate_text(const Context& context, std::string tls::PeerCertificate::*member) {
  return context.client.certificate == nullptr ? std::string_view()
                                               : field_text(context.client.certificate->*member);
}

}  // namespace

std::string_view value_of(const variables::Reference& what, const Context& context) {
  const identity::Consumer* consumer = context.caller.consumer;
  const identity::Claims* claims = context.caller.claims.get();
  Arena& arena = context.arena;
  switch (what.variable) {
    case Variable::kRequestMethod: return context.request.method;
    case Variable::kRequestScheme: return context.uri.scheme;
    case Variable::kRequestHost: return context.uri.host;
    case Variable::kRequestPath: return context.uri.path;
    case Variable::kRequestRawPath: return context.request.path;
    case Variable::kRequestQuery: return context.request.query;
    case Variable::kRequestId: return context.request_id;
    case Variable::kRevision: return context.revision;
    case Variable::kRequestHeader: return header_of(context.request.fields, what.argument, arena);
    case Variable::kCookie: return http::find_cookie(context.request.fields, what.argument).value_or("");
    case Variable::kQuery:
      return field_text(http::find_query_parameter(context.request.query, what.argument, arena).value_or(""));
    case Variable::kPath:
      return context.route.parameters == nullptr
                 ? std::string_view()
                 : context.route.parameters->value(what.argument, context.uri.path);
    case Variable::kClientAddress: return context.client.address;
    case Variable::kCertificateSubject: return certificate_text(context, &tls::PeerCertificate::subject);
    case Variable::kCertificateIssuer: return certificate_text(context, &tls::PeerCertificate::issuer);
    case Variable::kCertificateSerial: return certificate_text(context, &tls::PeerCertificate::serial);
    case Variable::kCertificateFingerprint:
      return certificate_text(context, &tls::PeerCertificate::fingerprint);
    case Variable::kConsumerName: return consumer == nullptr ? std::string_view() : consumer->name;
    case Variable::kConsumerGroups: return consumer == nullptr ? std::string_view() : consumer->group_list;
    case Variable::kConsumerCredential: return context.caller.credential;
    case Variable::kConsumerMetadata:
      return consumer == nullptr ? std::string_view() : consumer->metadata_of(what.argument);
    case Variable::kScope:
      return claims == nullptr ? std::string_view() : field_text(scopes_of(*claims, arena));
    case Variable::kClaim:
      return claims == nullptr ? std::string_view()
                               : field_text(claims->joined_text_of(what.argument, arena));
    case Variable::kClaimJson:
      return claims == nullptr ? std::string_view() : field_text(arena.copy(claims->json_of(what.argument)));
    case Variable::kRouteName: return context.route.name;
    case Variable::kRouteBranch: return context.route.branch;
    case Variable::kUpstreamName: return context.route.upstream;
    case Variable::kResponseStatus: return arena.decimal(context.response.status);
    case Variable::kResponseHeader: return header_of(context.response.fields, what.argument, arena);
    case Variable::kErrorStatus:
    case Variable::kErrorTitle:
    case Variable::kErrorDetail:
    case Variable::kErrorReason: return error_text(what.variable, context.error, arena);
    case Variable::kRequestVersion:
    case Variable::kRequestBytes:
    case Variable::kPeerAddress:
    case Variable::kTargetAddress:
    case Variable::kTargetTries:
    case Variable::kResponseBytes:
    case Variable::kCacheOutcome:
    case Variable::kPolicyName:
    case Variable::kPolicyNote:
    case Variable::kEndReason:
    case Variable::kTimeUtc:
    case Variable::kTimeCommon:
    case Variable::kDurationRequestHead:
    case Variable::kDurationResponseHead:
    case Variable::kDurationTargets:
    case Variable::kDurationTotal: return {};  // only the access log has these
  }
  return {};
}

void add_caller_read(const variables::Reference& what, CallerReads& out) {
  using Source = CallerRead::Source;
  switch (what.variable) {
    case Variable::kConsumerName:
    case Variable::kConsumerGroups:
    case Variable::kConsumerCredential:
    case Variable::kConsumerMetadata:
      out.push_back({Source::kConsumer, std::string(what.row().name) + what.argument});
      break;
    case Variable::kScope:
    case Variable::kClaim:
    case Variable::kClaimJson:
      out.push_back({Source::kClaims, std::string(what.row().name) + what.argument});
      break;
    default: break;
  }
}

void add_read_field(const variables::Reference& what, OwnedFields& fields) {
  if (what.variable == Variable::kRequestHeader) fields.read.add(what.argument);
}

}  // namespace portcullis::policy

#include "http/field_id.h"

#include "base/text.h"
#include "http/field_names.h"

namespace portcullis::http {
namespace {

FieldId check(std::string_view name, std::string_view expected, FieldId id) {
  return equals_ignoring_case(name, expected) ? id : FieldId::kOther;
}

// Like check(), for a field that the gateway itself writes for the target: a spelling with '_' is kImitation.
FieldId check_written(std::string_view name, std::string_view expected, FieldId id) {
  if (equals_ignoring_case(name, expected)) return id;
  return same_field_name(name, expected) ? FieldId::kImitation : FieldId::kOther;
}

// '-' and '_' are equal here, because backends that turn field names into variables (CGI, WSGI) do not
// distinguish them.
bool begins_with(std::string_view name, std::string_view prefix) {
  if (name.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if ((name[i] == '_' ? '-' : ascii_lower(name[i])) != prefix[i]) return false;
  }
  return true;
}

bool is_client_cert(std::string_view name) {
  return begins_with(name, "client-cert") && (name.size() == 11 || begins_with(name.substr(11), "-chain"));
}

}  // namespace

FieldId identify_field(std::string_view name) {
  // The length and the first letter leave at most one candidate.
  const char first = name.empty() ? '\0' : ascii_lower(name[0]);
  if (first == 'x' && name.size() > 11 && begins_with(name, "x-consumer-")) return FieldId::kXConsumer;
  switch (name.size()) {
    case 2: return check(name, "te", FieldId::kTe);
    case 3: return first == 'v' ? check(name, "via", FieldId::kVia) : check(name, "age", FieldId::kAge);
    case 4:
      switch (first) {
        case 'h': return check(name, "host", FieldId::kHost);
        case 'd': return check(name, "date", FieldId::kDate);
        case 'e': return check(name, "etag", FieldId::kEtag);
        default: return check(name, "vary", FieldId::kVary);
      }
    case 5: return check(name, "range", FieldId::kRange);
    case 6:
      switch (first) {
        case 'e': return check(name, "expect", FieldId::kExpect);
        case 's': return check(name, "server", FieldId::kServer);
        default: return check(name, "pragma", FieldId::kPragma);
      }
    case 7:
      switch (first) {
        case 'u': return check(name, "upgrade", FieldId::kUpgrade);
        case 'e': return check(name, "expires", FieldId::kExpires);
        default: return check(name, "trailer", FieldId::kTrailer);
      }
    case 8:
      return ascii_lower(name[3]) == 'm' ? check(name, "if-match", FieldId::kIfMatch)
                                         : check(name, "if-range", FieldId::kIfRange);
    case 9: return check(name, "forwarded", FieldId::kForwarded);
    case 10:
      switch (first) {
        case 'x': return same_field_name(name, "x-mirrored") ? FieldId::kXMirrored : FieldId::kOther;
        case 'c': return check(name, "connection", FieldId::kConnection);
        case 'k': return check(name, "keep-alive", FieldId::kKeepAlive);
        default: return check(name, "set-cookie", FieldId::kSetCookie);
      }
    case 11: return is_client_cert(name) ? FieldId::kClientCert : FieldId::kOther;
    case 12: return check_written(name, "x-request-id", FieldId::kXRequestId);
    case 13:
      switch (first) {
        case 'a': return check(name, "authorization", FieldId::kAuthorization);
        case 'c': return check(name, "cache-control", FieldId::kCacheControl);
        case 'i': return check(name, "if-none-match", FieldId::kIfNoneMatch);
        default: return check(name, "last-modified", FieldId::kLastModified);
      }
    case 14:
      return first == 'h' ? check(name, "http2-settings", FieldId::kHttp2Settings)
                          : check_written(name, "content-length", FieldId::kContentLength);
    case 15: return check_written(name, "x-forwarded-for", FieldId::kXForwardedFor);
    case 16:
      return first == 'p' ? check(name, "proxy-connection", FieldId::kProxyConnection)
                          : check_written(name, "x-forwarded-host", FieldId::kXForwardedHost);
    case 17:
      switch (first) {
        case 'c': return is_client_cert(name) ? FieldId::kClientCert : FieldId::kOther;
        case 'i': return check(name, "if-modified-since", FieldId::kIfModifiedSince);
        case 't': return check_written(name, "transfer-encoding", FieldId::kTransferEncoding);
        default: return check_written(name, "x-forwarded-proto", FieldId::kXForwardedProto);
      }
    case 19: return check(name, "if-unmodified-since", FieldId::kIfUnmodifiedSince);
    default: return FieldId::kOther;
  }
}

}  // namespace portcullis::http

#include "http/field_id.h"

#include "base/text.h"

namespace portcullis::http {
namespace {

FieldId check(std::string_view name, std::string_view expected, FieldId id) {
  return equals_ignoring_case(name, expected) ? id : FieldId::kOther;
}

// With '-' or '_': backends that turn names into variables (CGI, WSGI) take both for the same.
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
  // The length and first letter leave at most one candidate.
  const char first = name.empty() ? '\0' : ascii_lower(name[0]);
  if (first == 'x' && name.size() > 11 && begins_with(name, "x-consumer-")) return FieldId::kXConsumer;
  switch (name.size()) {
    case 2: return check(name, "te", FieldId::kTe);
    case 3: return check(name, "via", FieldId::kVia);
    case 4: return first == 'h' ? check(name, "host", FieldId::kHost) : check(name, "date", FieldId::kDate);
    case 6:
      return first == 'e' ? check(name, "expect", FieldId::kExpect) : check(name, "server", FieldId::kServer);
    case 7:
      return first == 'u' ? check(name, "upgrade", FieldId::kUpgrade)
                          : check(name, "trailer", FieldId::kTrailer);
    case 9: return check(name, "forwarded", FieldId::kForwarded);
    case 10:
      return first == 'c' ? check(name, "connection", FieldId::kConnection)
                          : check(name, "keep-alive", FieldId::kKeepAlive);
    case 11: return is_client_cert(name) ? FieldId::kClientCert : FieldId::kOther;
    case 12: return check(name, "x-request-id", FieldId::kXRequestId);
    case 14: return check(name, "content-length", FieldId::kContentLength);
    case 15: return check(name, "x-forwarded-for", FieldId::kXForwardedFor);
    case 16:
      return first == 'p' ? check(name, "proxy-connection", FieldId::kProxyConnection)
                          : check(name, "x-forwarded-host", FieldId::kXForwardedHost);
    case 17:
      if (first == 'c') return is_client_cert(name) ? FieldId::kClientCert : FieldId::kOther;
      return first == 't' ? check(name, "transfer-encoding", FieldId::kTransferEncoding)
                          : check(name, "x-forwarded-proto", FieldId::kXForwardedProto);
    default: return FieldId::kOther;
  }
}

}  // namespace portcullis::http

#pragma once

#include <cstdint>
#include <string_view>

namespace portcullis::http {

// Fields that the gateway itself interprets; all other fields are kOther.
enum class FieldId : uint8_t {
  kOther,
  kAge,
  kAuthorization,
  kCacheControl,
  kClientCert,  // client-cert and client-cert-chain (RFC 9440)
  kConnection,
  kContentLength,
  kDate,
  kEtag,
  kExpect,
  kExpires,
  kForwarded,
  kHost,
  kHttp2Settings,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kImitation,  // a name that differs only by '_' from a field that the gateway writes, such as
               // X_Forwarded_For
  kKeepAlive,
  kLastModified,
  kPragma,
  kProxyConnection,
  kRange,
  kServer,
  kSetCookie,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVary,
  kVia,
  kXConsumer,  // every name that begins with x-consumer-
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXMirrored,
  kXRequestId,
};

// The id of a field name, which is compared without regard to case.
FieldId identify_field(std::string_view name);

}  // namespace portcullis::http

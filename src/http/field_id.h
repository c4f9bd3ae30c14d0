#pragma once

#include <cstdint>
#include <string_view>

namespace portcullis::http {

// Fields that the gateway itself acts upon; all others are kOther.
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
  kImitation,  // differs by '_' from a field that the gateway writes, as X_Forwarded_For does
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

// Case-insensitive.
FieldId identify_field(std::string_view name);

}  // namespace portcullis::http

#pragma once

#include <cstdint>
#include <string_view>

namespace portcullis::http {

// Fields that the gateway itself acts upon; all others are kOther.
enum class FieldId : uint8_t {
  kOther,
  kClientCert,  // client-cert and client-cert-chain (RFC 9440)
  kConnection,
  kContentLength,
  kDate,
  kExpect,
  kForwarded,
  kHost,
  kKeepAlive,
  kProxyConnection,
  kServer,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXConsumer,  // every name that begins with x-consumer-
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRequestId,
};

// Case-insensitive.
FieldId identify_field(std::string_view name);

}  // namespace portcullis::http

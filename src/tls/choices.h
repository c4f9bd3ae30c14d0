#pragma once

#include <cstdint>

#include "base/enum_names.h"

// What a configuration chooses for TLS by a word. The words are those of the configuration.
namespace portcullis::tls {

// The lowest version of TLS that is spoken.
enum class Version : uint8_t { k12, k13 };
constexpr auto names_of(Version) {
  return std::to_array<EnumName<Version>>({{Version::k12, "1.2"}, {Version::k13, "1.3"}});
}

// Whether a listener asks clients for a certificate. kOptional: a client without a certificate is served.
enum class ClientCertificate : uint8_t { kNone, kOptional, kRequired };
constexpr auto names_of(ClientCertificate) {
  return std::to_array<EnumName<ClientCertificate>>({{ClientCertificate::kNone, "none"},
                                                     {ClientCertificate::kOptional, "optional"},
                                                     {ClientCertificate::kRequired, "required"}});
}

}  // namespace portcullis::tls

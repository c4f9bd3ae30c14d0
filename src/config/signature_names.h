#pragma once

#include <array>

#include "base/enum_names.h"
#include "crypto/signature.h"

namespace portcullis::config {

// The algorithms of signing keys, by their names in RFC 9421 (sections 3.3.1 to 3.3.6).
inline constexpr auto kSignatureNames =
    std::to_array<EnumName<crypto::Algorithm>>({{crypto::Algorithm::kHs256, "hmac-sha256"},
                                                {crypto::Algorithm::kPs512, "rsa-pss-sha512"},
                                                {crypto::Algorithm::kRs256, "rsa-v1_5-sha256"},
                                                {crypto::Algorithm::kEs256, "ecdsa-p256-sha256"},
                                                {crypto::Algorithm::kEs384, "ecdsa-p384-sha384"},
                                                {crypto::Algorithm::kEdDsa, "ed25519"}});

}  // namespace portcullis::config

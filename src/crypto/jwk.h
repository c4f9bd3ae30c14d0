#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/signature.h"

namespace portcullis::crypto {

// One key of a set, bound to one algorithm. A JWK without `alg` yields one for each that it can serve.
struct NamedVerifier {
  std::string kid;  // may be empty
  Verifier verifier;
};

// Reads a JWK Set (RFC 7517 section 5), or a single JWK. Keys that are not for verifying signatures, or of an
// unknown kind, are passed over (section 5); the reasons for broken ones are added to `faults` (may be null).
// An error when the text is no key set at all, or no key of it is of use.
Result<std::vector<NamedVerifier>> parse_jwks(std::string_view text, std::vector<std::string>* faults);

}  // namespace portcullis::crypto

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/signature.h"

namespace portcullis::crypto {

// One key of a set, bound to one algorithm. A JWK without `alg` becomes one entry per algorithm that can use
// the key.
struct NamedVerifier {
  std::string kid;  // may be empty
  Verifier verifier;
};

// Reads a JWK Set (RFC 7517 section 5), or a single JWK. Keys that are not for verifying signatures and keys
// of an unknown type are skipped (section 5). The reasons why other keys cannot be used are added to `faults`
// (may be null). An error when the text is not a key set, or no key can be used.
Result<std::vector<NamedVerifier>> parse_jwks(std::string_view text, std::vector<std::string>* faults);

}  // namespace portcullis::crypto

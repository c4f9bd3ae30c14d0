#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "crypto/jwk.h"

// Keys of any set must not accept a signature that was not made with them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace portcullis::crypto;
  std::vector<std::string> faults;
  const auto keys = parse_jwks({reinterpret_cast<const char*>(data), size}, &faults);
  if (!keys) return 0;
  if (keys->empty()) std::abort();
  size_t tried = 0;
  for (const NamedVerifier& key : *keys) {
    if (++tried > 8) break;
    if (key.verifier.verify("message", std::string(64, 's'))) std::abort();
  }
  return 0;
}

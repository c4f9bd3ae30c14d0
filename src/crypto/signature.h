#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;
struct evp_md_ctx_st;
struct evp_mac_ctx_st;

namespace portcullis::crypto {

// Signature algorithms by their JOSE names (RFC 7518 section 3.1, RFC 8037 section 3.1). RFC 9421 has other
// names for some of them. `none` is not included, so it is never accepted.
enum class Algorithm : uint8_t {
  kHs256,
  kHs384,
  kHs512,
  kRs256,
  kRs384,
  kRs512,
  kPs256,
  kPs384,
  kPs512,
  kEs256,
  kEs384,
  kEs512,
  kEdDsa,
};
std::optional<Algorithm> algorithm_by_name(std::string_view name);  // parses a JOSE name such as "RS256"
// The JOSE names of all algorithms, for messages.
const std::vector<std::string_view>& algorithm_names();

// A public key or a shared secret that is not bound to an algorithm yet. A plain value; any thread.
class Key {
 public:
  static Key from_secret(std::string secret);
  // Reads "-----BEGIN PUBLIC KEY-----" or a certificate. A private key is refused, because the gateway must
  // not need it.
  static Result<Key> from_pem(const std::string& pem);
  // Builds a key from the numbers of a JWK (RFC 7518 section 6, RFC 8037 section 2), base64url-decoded,
  // big-endian.
  static Result<Key> from_rsa(std::string_view modulus, std::string_view exponent);
  static Result<Key> from_curve(std::string_view curve, std::string_view x, std::string_view y);
  static Result<Key> from_edwards(std::string_view curve, std::string_view x);

  // The algorithms that can use this type of key.
  std::vector<Algorithm> algorithms() const;

 private:
  friend class Verifier;
  std::shared_ptr<evp_pkey_st> pair_;  // null for a shared secret
  std::string secret_;
};

// A key bound to one algorithm (RFC 8725 section 3.1). Immutable; copies share the key; any thread. All work
// that does not depend on the message is done in make().
class Verifier {
 public:
  Verifier() = default;
  // Refuses a key of another type, an RSA key below 2048 bits, and a secret shorter than the digest (RFC 7518
  // sections 3.2 and 3.3).
  static Result<Verifier> make(const Key& key, Algorithm algorithm);

  Algorithm algorithm() const { return algorithm_; }
  // Verifies `signature`; an ECDSA signature is r and s concatenated (RFC 7518 section 3.4).
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  Algorithm algorithm_{};
  std::shared_ptr<evp_pkey_st> pair_;
  std::shared_ptr<evp_md_ctx_st> prepared_;
  std::shared_ptr<evp_mac_ctx_st> prepared_mac_;
};

}  // namespace portcullis::crypto

#include "crypto/signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "crypto/digest.h"

namespace portcullis::crypto {
namespace {

struct AlgorithmFacts {
  std::string_view name;
  const char* digest;  // null for algorithms with a built-in digest
  int type;            // EVP_PKEY_*; 0 for a shared secret
  size_t size;         // bytes of the digest, or of each half of an ECDSA signature
  const char* curve;
};

// Indexed by Algorithm.
constexpr std::array<AlgorithmFacts, 13> kFacts{{{"HS256", "SHA256", 0, 32, nullptr},
                                                 {"HS384", "SHA384", 0, 48, nullptr},
                                                 {"HS512", "SHA512", 0, 64, nullptr},
                                                 {"RS256", "SHA256", EVP_PKEY_RSA, 32, nullptr},
                                                 {"RS384", "SHA384", EVP_PKEY_RSA, 48, nullptr},
                                                 {"RS512", "SHA512", EVP_PKEY_RSA, 64, nullptr},
                                                 {"PS256", "SHA256", EVP_PKEY_RSA, 32, nullptr},
                                                 {"PS384", "SHA384", EVP_PKEY_RSA, 48, nullptr},
                                                 {"PS512", "SHA512", EVP_PKEY_RSA, 64, nullptr},
                                                 {"ES256", "SHA256", EVP_PKEY_EC, 32, "prime256v1"},
                                                 {"ES384", "SHA384", EVP_PKEY_EC, 48, "secp384r1"},
                                                 {"ES512", "SHA512", EVP_PKEY_EC, 66, "secp521r1"},
                                                 {"EdDSA", nullptr, EVP_PKEY_ED25519, 0, nullptr}}};

const AlgorithmFacts& facts_of(Algorithm algorithm) {
  return kFacts[static_cast<size_t>(algorithm)];
}

bool is_pss(Algorithm algorithm) {
  return algorithm >= Algorithm::kPs256 && algorithm <= Algorithm::kPs512;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::shared_ptr<EVP_PKEY> share(EVP_PKEY* key) {
  return {key, [](EVP_PKEY* one) { EVP_PKEY_free(one); }};
}

int base_type(const EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  return type == EVP_PKEY_ED448 ? EVP_PKEY_ED25519 : type;
}

std::string curve_of(const EVP_PKEY* key) {
  char name[64];
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, name, sizeof name, &size) == 1 ? std::string(name, size) : "";
}

// Builds an OpenSSL key from parameters.
std::shared_ptr<EVP_PKEY> build_key(const char* type, OSSL_PARAM* parameters) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return share(key);
}

// OpenSSL expects numbers in native (little-endian) byte order, while JWKs are big-endian.
std::string reversed(std::string_view number) {
  return {number.rbegin(), number.rend()};
}

// Encodes the concatenated r and s as the DER structure that OpenSSL expects.
size_t encode_der(std::string_view signature, std::array<unsigned char, 160>& out) {
  const auto integer = [](std::string_view number, unsigned char* to) -> size_t {
    while (number.size() > 1 && number[0] == '\0') number.remove_prefix(1);
    size_t at = 0;
    to[at++] = 0x02;
    const bool pad = (static_cast<uint8_t>(number[0]) & 0x80) != 0;
    to[at++] = static_cast<unsigned char>(number.size() + pad);
    if (pad) to[at++] = 0;
    for (const char c : number) to[at++] = static_cast<unsigned char>(c);
    return at;
  };
  std::array<unsigned char, 150> body;
  size_t size = integer(signature.substr(0, signature.size() / 2), body.data());
  size += integer(signature.substr(signature.size() / 2), body.data() + size);
  size_t at = 0;
  out[at++] = 0x30;
  if (size >= 128) out[at++] = 0x81;
  out[at++] = static_cast<unsigned char>(size);
  for (size_t i = 0; i < size; ++i) out[at++] = body[i];
  return at;
}

}  // namespace

std::optional<Algorithm> algorithm_by_name(std::string_view name) {
  for (size_t i = 0; i < kFacts.size(); ++i) {
    if (kFacts[i].name == name) return static_cast<Algorithm>(i);
  }
  return std::nullopt;
}

const std::vector<std::string_view>& algorithm_names() {
  static const std::vector<std::string_view> all = [] {
    std::vector<std::string_view> out;
    out.reserve(kFacts.size());
    for (const AlgorithmFacts& one : kFacts) out.push_back(one.name);
    return out;
  }();
  return all;
}

Key Key::from_secret(std::string secret) {
  Key key;
  key.secret_ = std::move(secret);
  return key;
}

namespace {

constexpr char kUnsoundExponent[] = "the RSA exponent is even, or less than 3: signatures could be forged";

// RFC 8017 section 3.1: the exponent is odd and at least 3. With the exponent 1 a message is its own
// signature.
bool has_sound_exponent(const EVP_PKEY* pair) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_E, &number) != 1) return false;
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> exponent(number, &BN_free);
  return BN_is_odd(exponent.get()) != 0 && BN_is_one(exponent.get()) == 0;
}

}  // namespace

Result<Key> Key::from_pem(const std::string& pem) {
  if (pem.find("PRIVATE KEY") != std::string::npos)
    return Error{"this is a private key; the gateway takes the public one only"};
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  Key key;
  if (pem.find("BEGIN CERTIFICATE") != std::string::npos) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr), &X509_free);
    if (certificate) key.pair_ = share(X509_get_pubkey(certificate.get()));
  } else {
    key.pair_ = share(PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr));
  }
  if (!key.pair_) return Error{"this is not a public key in PEM"};
  if (EVP_PKEY_is_a(key.pair_.get(), "RSA") != 0 && !has_sound_exponent(key.pair_.get()))
    return Error{kUnsoundExponent};
  return key;
}

Result<Key> Key::from_rsa(std::string_view modulus, std::string_view exponent) {
  std::string n = reversed(modulus), e = reversed(exponent);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, reinterpret_cast<unsigned char*>(n.data()), n.size()),
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, reinterpret_cast<unsigned char*>(e.data()), e.size()),
      OSSL_PARAM_construct_end()};
  Key key;
  // Limits the size of the numbers: verifying with a huge key, which an attacker may be able to choose, could
  // take minutes.
  if (!n.empty() && !e.empty() && n.size() <= 2048 && e.size() <= 8) key.pair_ = build_key("RSA", parameters);
  if (!key.pair_) return Error{"the modulus and the exponent do not form a valid RSA key"};
  if (!has_sound_exponent(key.pair_.get())) return Error{kUnsoundExponent};
  return key;
}

Result<Key> Key::from_curve(std::string_view curve, std::string_view x, std::string_view y) {
  const char* group = nullptr;
  size_t size = 0;
  if (curve == "P-256") group = "prime256v1", size = 32;
  if (curve == "P-384") group = "secp384r1", size = 48;
  if (curve == "P-521") group = "secp521r1", size = 66;
  if (group == nullptr) return Error{"unknown curve `" + std::string(curve) + "`"};
  if (x.size() != size || y.size() != size) return Error{"the coordinates have the wrong length"};
  std::string point = "\x04" + std::string(x) + std::string(y);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(group), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  Key key;
  key.pair_ = build_key("EC", parameters);
  if (!key.pair_) return Error{"the coordinates are not a point on the curve"};
  return key;
}

Result<Key> Key::from_edwards(std::string_view curve, std::string_view x) {
  const int type = curve == "Ed25519" ? EVP_PKEY_ED25519 : curve == "Ed448" ? EVP_PKEY_ED448 : 0;
  if (type == 0) return Error{"unknown curve `" + std::string(curve) + "`"};
  Key key;
  key.pair_ = share(EVP_PKEY_new_raw_public_key(type, nullptr, bytes_of(x), x.size()));
  if (!key.pair_) return Error{"the value is not a valid public key of the curve"};
  return key;
}

std::vector<Algorithm> Key::algorithms() const {
  std::vector<Algorithm> out;
  for (size_t i = 0; i < kFacts.size(); ++i) {
    const AlgorithmFacts& facts = kFacts[i];
    const bool fits = pair_ == nullptr ? facts.type == 0
                                       : facts.type == base_type(pair_.get()) &&
                                             (facts.curve == nullptr || curve_of(pair_.get()) == facts.curve);
    if (fits) out.push_back(static_cast<Algorithm>(i));
  }
  return out;
}

Result<Verifier> Verifier::make(const Key& key, Algorithm algorithm) {
  const AlgorithmFacts& facts = facts_of(algorithm);
  Verifier out;
  out.algorithm_ = algorithm;
  out.pair_ = key.pair_;
  bool suits = false;
  for (const Algorithm one : key.algorithms()) suits |= one == algorithm;
  if (!suits) return Error{"a key of this type cannot be used with " + std::string(facts.name)};
  if (facts.type == 0) {
    if (key.secret_.size() < facts.size) {
      return Error{std::string(facts.name) + " needs a secret of at least " + std::to_string(facts.size) +
                   " bytes, but the secret has " + std::to_string(key.secret_.size())};
    }
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                                &EVP_MAC_free);
    out.prepared_mac_ = {EVP_MAC_CTX_new(mac.get()), [](EVP_MAC_CTX* one) { EVP_MAC_CTX_free(one); }};
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(facts.digest), 0),
        OSSL_PARAM_construct_end()};
    if (!out.prepared_mac_ ||
        EVP_MAC_init(out.prepared_mac_.get(), bytes_of(key.secret_), key.secret_.size(), parameters) != 1)
      return Error{"OpenSSL refuses the secret"};
    return out;
  }
  if (facts.type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key.pair_.get()) < 2048)
    return Error{"an RSA key below 2048 bits is too weak"};
  out.prepared_ = {EVP_MD_CTX_new(), [](EVP_MD_CTX* one) { EVP_MD_CTX_free(one); }};
  EVP_PKEY_CTX* settings = nullptr;
  if (!out.prepared_ || EVP_DigestVerifyInit_ex(out.prepared_.get(), &settings, facts.digest, nullptr,
                                                nullptr, key.pair_.get(), nullptr) != 1)
    return Error{"OpenSSL refuses the key"};
  if (is_pss(algorithm) && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1))
    return Error{"OpenSSL refuses the padding"};
  return out;
}

bool Verifier::verify(std::string_view message, std::string_view signature) const {
  const AlgorithmFacts& facts = facts_of(algorithm_);
  if (prepared_mac_) {
    const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(
        EVP_MAC_CTX_dup(prepared_mac_.get()), &EVP_MAC_CTX_free);
    unsigned char expected[EVP_MAX_MD_SIZE];
    size_t size = 0;
    return context && EVP_MAC_update(context.get(), bytes_of(message), message.size()) == 1 &&
           EVP_MAC_final(context.get(), expected, &size, sizeof expected) == 1 &&
           equal_in_constant_time(std::string_view(reinterpret_cast<char*>(expected), size), signature);
  }
  if (!prepared_) return false;
  std::array<unsigned char, 160> der;
  if (facts.type == EVP_PKEY_EC) {
    if (signature.size() != 2 * facts.size) return false;
    const size_t size = encode_der(signature, der);
    signature = {reinterpret_cast<const char*>(der.data()), size};
  }
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                     &EVP_MD_CTX_free);
  if (!context) return false;
  // OpenSSL 3.5 copies the state of a digest into the target's when both contexts have the same digest; those
  // of verifications have none, so it would read address 0. A context after a reset has no digest.
  EVP_MD_CTX_reset(context.get());
  return EVP_MD_CTX_copy_ex(context.get(), prepared_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace portcullis::crypto

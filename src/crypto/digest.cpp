#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace portcullis::crypto {
namespace {

// A fetched algorithm and this thread's context for it: fetching at each use would cost more than hashing.
class Hasher {
 public:
  explicit Hasher(const char* name)
      : algorithm_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new()) {
    if (!algorithm_ || !context_) std::abort();  // an OpenSSL without SHA-2, or no memory
  }
  template <size_t N>
  void digest(std::string_view bytes, std::array<uint8_t, N>& out) {
    if (EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1)
      std::abort();
  }

 private:
  struct Free {
    void operator()(EVP_MD* one) const { EVP_MD_free(one); }
    void operator()(EVP_MD_CTX* one) const { EVP_MD_CTX_free(one); }
  };
  std::unique_ptr<EVP_MD, Free> algorithm_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

Digest256 sha256(std::string_view bytes) {
  thread_local Hasher hasher("SHA256");
  Digest256 out;
  hasher.digest(bytes, out);
  return out;
}

std::array<uint8_t, 64> sha512(std::string_view bytes) {
  thread_local Hasher hasher("SHA512");
  std::array<uint8_t, 64> out;
  hasher.digest(bytes, out);
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(size_t size) {
  std::string out(size, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

KeyedHash::KeyedHash() {
  static_assert(std::tuple_size_v<decltype(key_)> == crypto_shorthash_KEYBYTES);
  crypto_shorthash_keygen(key_.data());
}

uint64_t KeyedHash::operator()(std::string_view text) const {
  uint64_t out;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&out),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data());
  return out;
}

}  // namespace portcullis::crypto

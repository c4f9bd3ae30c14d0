// Measures how long OpenSSL takes to verify one RS256 signature with a 2048-bit key, called as in its manual:
// the minimum cost of a token that is seen for the first time.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

namespace {

void verify_rs256(benchmark::State& state) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048}), &EVP_PKEY_free);
  const std::string message(400, 'm');
  const auto* text = reinterpret_cast<const unsigned char*>(message.data());
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::vector<unsigned char> signature(256);
  size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, text, message.size()) != 1)
    return state.SkipWithError("OpenSSL does not sign");
  for (auto _ : state) {
    EVP_MD_CTX_reset(context.get());
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    if (EVP_DigestVerify(context.get(), signature.data(), size, text, message.size()) != 1)
      state.SkipWithError("a good signature is refused");
  }
}
BENCHMARK(verify_rs256);

}  // namespace

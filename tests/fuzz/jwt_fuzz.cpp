#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "crypto/encoding.h"
#include "identity/jwt.h"

using namespace portcullis;

namespace {

const std::string kSecret(32, 's');

std::string sign(std::string_view header, std::string_view payload) {
  const std::string message = crypto::base64_encode(header, crypto::Base64::kUrl) + "." +
                              crypto::base64_encode(payload, crypto::Base64::kUrl);
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
  return message + "." + crypto::base64_encode({reinterpret_cast<char*>(mac), size}, crypto::Base64::kUrl);
}

}  // namespace

// As a token the input is never accepted, because it is not signed with the secret. As header and payload,
// signed, it is either accepted with claims or refused without.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const identity::KeySet keys{
      {{"k1", *crypto::Verifier::make(crypto::Key::from_secret(kSecret), crypto::Algorithm::kHs256)}}};
  static const identity::TokenRules rules{
      .algorithms = {crypto::Algorithm::kHs256, crypto::Algorithm::kRs256},
      .issuers = {},
      .audiences = {"orders"},
      .any_audience = false,
      .type = "",
      .needs_expiry = false,
      .leeway = std::chrono::seconds(30)};
  const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (identity::verify_token(text, keys, rules, now).fault == identity::TokenFault::kNone) std::abort();
  const size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto verified =
      identity::verify_token(sign(text.substr(0, line), text.substr(line + 1)), keys, rules, now);
  if ((verified.fault == identity::TokenFault::kNone) != (verified.claims != nullptr)) std::abort();
  if (verified.claims && !verified.claims->has("aud", "orders")) std::abort();
  return 0;
}

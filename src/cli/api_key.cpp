#include "cli/api_key.h"

#include "cli/plain_text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::cli {
namespace {

constexpr size_t kMaxKeySize = 1024;  // the longest key that `key_auth` reads

}  // namespace

std::string make_api_key(const std::string& prefix) {
  std::string random;
  do {
    random = crypto::base64_encode(crypto::random_bytes(32), crypto::Base64::kUrl);
  } while (random.front() == '-' || random.front() == '_');
  return prefix + random;
}

Status check_api_key(const std::string& key) {
  if (key.size() > kMaxKeySize)
    return Error{"a key has " + std::to_string(kMaxKeySize) + " characters or fewer"};
  if (!is_plain_ascii(key) || key.starts_with(' ') || key.ends_with(' '))
    return Error{
        "a key is sent in a header: it must be printable ASCII characters, without a space at its ends"};
  return {};
}

std::string hash_of_api_key(const std::string& key) {
  return "sha256:" + crypto::hex_encode(crypto::text_of(crypto::sha256(key)));
}

}  // namespace portcullis::cli

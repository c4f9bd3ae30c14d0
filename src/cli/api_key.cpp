#include "cli/api_key.h"

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::cli {

std::string make_api_key(const std::string& prefix) {
  std::string random;
  do {
    random = crypto::base64_encode(crypto::random_bytes(32), crypto::Base64::kUrl);
  } while (random.front() == '-' || random.front() == '_');
  return prefix + random;
}

std::string hash_of_api_key(const std::string& key) {
  return "sha256:" + crypto::hex_encode(crypto::text_of(crypto::sha256(key)));
}

}  // namespace portcullis::cli

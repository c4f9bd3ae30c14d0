#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "base/read_file.h"

namespace portcullis::tls {
namespace {

using Kept = std::shared_ptr<TicketKeys>;

void forget_kept(void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Kept*>(kept);
}

int place_in_context() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, forget_kept);
  return index;
}

}  // namespace

Result<std::shared_ptr<TicketKeys>> TicketKeys::from_files(const std::vector<std::string>& files,
                                                           std::chrono::seconds lifetime) {
  auto out = std::make_shared<TicketKeys>(std::chrono::seconds(0), lifetime);
  out->from_files_ = true;
  for (const std::string& path : files) {
    const auto content = read_file(path);
    if (!content) return Error{"cannot read the ticket key `" + path + "`"};
    const std::string& bytes = *content;
    if (bytes.size() != 80 && bytes.size() != 48)
      return Error{"the ticket key `" + path + "` has " + std::to_string(bytes.size()) +
                   " bytes; it needs 80 random ones (openssl rand 80 > FILE), or 48"};
    Key key;
    const size_t half = (bytes.size() - key.name.size()) / 2;
    std::memcpy(key.name.data(), bytes.data(), key.name.size());
    // The layout that other servers use: in 80 bytes the MAC key precedes the cipher key, in 48 bytes it
    // follows.
    const char* first = bytes.data() + key.name.size();
    std::memcpy(half == 32 ? key.mac.data() : key.cipher.data(), first, half);
    std::memcpy(half == 32 ? key.cipher.data() : key.mac.data(), first + half, half);
    key.cipher_size = half;
    out->keys_.push_back(key);
  }
  return out;
}

bool TicketKeys::sealing_key(Key& out) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!from_files_ && (keys_.empty() || now - keys_.front().made >= rotation_)) {
    Key fresh;
    fresh.made = now;
    if (RAND_bytes(fresh.name.data(), static_cast<int>(fresh.name.size())) != 1 ||
        RAND_bytes(fresh.mac.data(), static_cast<int>(fresh.mac.size())) != 1 ||
        RAND_bytes(fresh.cipher.data(), static_cast<int>(fresh.cipher.size())) != 1)
      return false;
    keys_.insert(keys_.begin(), fresh);
    std::erase_if(keys_, [&](Key& key) {
      const bool old = now - key.made >= rotation_ + lifetime_;
      if (old) OPENSSL_cleanse(&key, sizeof key);
      return old;
    });
  }
  if (keys_.empty()) return false;
  out = keys_.front();
  return true;
}

int TicketKeys::opening_key(const unsigned char* name, Key& out) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (std::memcmp(keys_[i].name.data(), name, keys_[i].name.size()) != 0) continue;
    out = keys_[i];
    return static_cast<int>(i);
  }
  return -1;
}

// The results of SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 success, 2 success and renew the ticket, 0 no
// key, -1 error.
int TicketKeys::callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int sealing) {
  // Uses the context with which the connection began, even if the session's context was replaced since then.
  const auto* kept = static_cast<Kept*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place_in_context()));
  if (kept == nullptr) return 0;
  Key key;
  int newer = 0;
  if (sealing) {
    if (!(*kept)->sealing_key(key)) return -1;
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
  } else {
    newer = (*kept)->opening_key(name, key);
    if (newer < 0) return 0;
  }
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.cipher_size),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const EVP_CIPHER* kind = key.cipher_size == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
  const bool ready = EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
                     EVP_CipherInit_ex(cipher, kind, nullptr, key.cipher.data(), iv, sealing) == 1;
  OPENSSL_cleanse(&key, sizeof key);
  if (!ready) return -1;
  // In TLS 1.3 clients use a ticket only once (RFC 8446 appendix C.4), so each connection issues new ones.
  return newer > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

void TicketKeys::install(SSL_CTX& context, std::shared_ptr<TicketKeys> keys) {
  SSL_CTX_set_timeout(&context, static_cast<long>(keys->lifetime().count()));
  SSL_CTX_set_ex_data(&context, place_in_context(), new Kept(std::move(keys)));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, callback);
}

}  // namespace portcullis::tls

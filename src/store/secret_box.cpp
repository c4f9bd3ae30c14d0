#include "store/secret_box.h"

#include <sodium.h>

namespace portcullis::store {
namespace {

constexpr size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(std::tuple_size_v<KeyBytes> == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* sodium_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* sodium_bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

Error missing_key(std::string_view id) {
  return Error{"the key file has no key `" + std::string(id) +
               "`: put back the copy of the key file that belongs to the store"};
}

}  // namespace

Result<SealedText> SecretBox::seal(std::string_view key_id, std::string_view text,
                                   std::string_view context) const {
  const Key* key = ring_.find(key_id);
  if (key == nullptr) return missing_key(key_id);
  SealedText out{key->id, crypto::random_bytes(kNonceSize)};
  out.box.resize(kNonceSize + text.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sodium_bytes(out.box) + kNonceSize, nullptr, sodium_bytes(text),
                                             text.size(), sodium_bytes(context), context.size(), nullptr,
                                             sodium_bytes(out.box), key->bytes.data());
  return out;
}

Result<std::string> SecretBox::open(std::string_view key_id, std::string_view box,
                                    std::string_view context) const {
  const Key* key = ring_.find(key_id);
  if (key == nullptr) return missing_key(key_id);
  std::string out(box.size() < kNonceSize + kTagSize ? 0 : box.size() - kNonceSize - kTagSize, '\0');
  if (box.size() < kNonceSize + kTagSize ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(
          sodium_bytes(out), nullptr, nullptr, sodium_bytes(box) + kNonceSize, box.size() - kNonceSize,
          sodium_bytes(context), context.size(), sodium_bytes(box), key->bytes.data()) != 0)
    return Error{"a secret does not open with key `" + std::string(key_id) +
                 "`: the key file belongs to another store, or the store was changed"};
  return out;
}

crypto::Digest256 SecretBox::digest(std::string_view text) const {
  crypto::Digest256 out;
  crypto_generichash(out.data(), out.size(), sodium_bytes(text), text.size(), ring_.digest_key.data(),
                     ring_.digest_key.size());
  return out;
}

}  // namespace portcullis::store

#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/openssl.h"

namespace portcullis::tls {

// The keys that encrypt session tickets (RFC 5077, RFC 8446 section 4.6.1), one set for all workers.
// Generated keys are rotated, and deleted once all tickets that they encrypt have expired. Keys from files
// let the nodes of a cluster resume each other's sessions. Any thread.
class TicketKeys {
 public:
  // Generates a new key every `rotation`; tickets are valid for `lifetime`.
  TicketKeys(std::chrono::seconds rotation, std::chrono::seconds lifetime)
      : rotation_(rotation), lifetime_(lifetime) {}
  // The first file's key encrypts, all files' keys decrypt. Each file holds 80 random bytes, or 48 in the
  // layout of other servers.
  static Result<std::shared_ptr<TicketKeys>> from_files(const std::vector<std::string>& files,
                                                        std::chrono::seconds lifetime);

  std::chrono::seconds rotation() const { return rotation_; }
  std::chrono::seconds lifetime() const { return lifetime_; }

  // Makes `context` use `keys`, and keeps them alive as long as `context`.
  static void install(SSL_CTX& context, std::shared_ptr<TicketKeys> keys);

 private:
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> mac{};
    std::array<unsigned char, 32> cipher{};
    size_t cipher_size = 32;
    std::chrono::steady_clock::time_point made{};
  };
  static int callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int sealing);
  bool sealing_key(Key& out);
  // Finds a key by name. Returns the number of newer keys, or -1 when there is no such key.
  int opening_key(const unsigned char* name, Key& out);

  const std::chrono::seconds rotation_;
  const std::chrono::seconds lifetime_;
  bool from_files_ = false;
  std::mutex mutex_;
  std::vector<Key> keys_;  // newest first
};

}  // namespace portcullis::tls

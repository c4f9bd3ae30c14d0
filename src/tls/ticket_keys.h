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

// The keys by which session tickets are sealed (RFC 5077, RFC 8446 section 4.6.1), one set for all workers.
// Of its own making they are replaced in turn, and forgotten once no ticket that still counts needs them; or
// they come from files, so that the nodes of a cluster resume each other's sessions. Any thread.
class TicketKeys {
 public:
  // Makes a new key every `rotation`, and honours tickets for `lifetime`.
  TicketKeys(std::chrono::seconds rotation, std::chrono::seconds lifetime)
      : rotation_(rotation), lifetime_(lifetime) {}
  // The first file seals, all open. Each holds 80 random bytes, or 48 as other servers have them.
  static Result<std::shared_ptr<TicketKeys>> from_files(const std::vector<std::string>& files,
                                                        std::chrono::seconds lifetime);

  std::chrono::seconds rotation() const { return rotation_; }
  std::chrono::seconds lifetime() const { return lifetime_; }

  // Makes `context` use these, and keeps them alive with it.
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
  // -1: none of that name, else how many newer ones there are.
  int opening_key(const unsigned char* name, Key& out);

  const std::chrono::seconds rotation_;
  const std::chrono::seconds lifetime_;
  bool from_files_ = false;
  std::mutex mutex_;
  std::vector<Key> keys_;  // the newest first
};

}  // namespace portcullis::tls

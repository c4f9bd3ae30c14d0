#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/consumer.h"
#include "crypto/digest.h"
#include "crypto/signature.h"

namespace portcullis::identity {

// A named caller, as policies, logs and backends see it.
struct Consumer {
  size_t index = 0;  // among the directory's
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string plan;        // of usage; may be empty
  std::string group_list;  // "a,b": the value of x-consumer-groups

  bool in_group(std::string_view group) const;
  std::string_view metadata_of(std::string_view key) const;  // "" when there is none
};

// What each finder yields. `name` tells the credential from the consumer's others; it may be empty.
struct ApiKey {
  const Consumer* consumer;
  crypto::Digest256 digest;
  std::string name;
  std::chrono::sys_seconds expires;  // the epoch: never

  bool expired(std::chrono::sys_seconds now) const {
    return expires != std::chrono::sys_seconds{} && now >= expires;
  }
};
struct Password {
  const Consumer* consumer;
  std::string username;
  std::string hash;
};
struct ClientCertificate {
  const Consumer* consumer;
  std::string name;
};
struct SigningKey {
  const Consumer* consumer;
  std::string id;
  std::string algorithm;  // by RFC 9421's name
  crypto::Verifier key;
};

// All consumers and their credentials, compiled for finding. Immutable; any thread; what it yields lives as
// long as it does.
class Directory {
 public:
  // The configuration must have passed check().
  explicit Directory(const std::vector<config::Consumer>& consumers);
  // Reports names and credentials that two consumers share, and keys that are none.
  static void check(const std::vector<config::Consumer>& consumers, config::Diagnostics& diagnostics);

  const Consumer* by_name(std::string_view name) const { return find(by_name_, name); }
  const Consumer* by_subject(std::string_view subject) const { return find(by_subject_, subject); }
  // By the hash of a presented key. The time it takes tells nothing of how near a wrong key came: digests,
  // not keys, decide where it looks, and they are compared in constant time.
  const ApiKey* by_key(const crypto::Digest256& digest) const;
  const Password* by_username(std::string_view username) const { return find(by_username_, username); }
  const SigningKey* by_signing_key(std::string_view id) const { return find(by_signing_key_, id); }

  // By one thing about it that has been verified.
  const ClientCertificate* by_certificate(config::CertificateCredential::Kind kind,
                                          const std::string& value) const;

  const std::deque<Consumer>& consumers() const { return consumers_; }

 private:
  template <typename T>
  using Index = std::unordered_map<std::string_view, const T*>;
  template <typename T>
  static const T* find(const Index<T>& index, std::string_view key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : found->second;
  }

  std::deque<Consumer> consumers_;
  std::deque<ApiKey> keys_;
  std::deque<Password> passwords_;
  std::deque<SigningKey> signing_keys_;
  std::deque<std::string> subjects_;
  std::map<std::pair<config::CertificateCredential::Kind, std::string>, ClientCertificate> certificates_;
  Index<Consumer> by_name_;
  Index<Consumer> by_subject_;
  std::unordered_map<uint64_t, const ApiKey*> by_key_;  // by the digest's first bytes
  Index<Password> by_username_;
  Index<SigningKey> by_signing_key_;
};

}  // namespace portcullis::identity

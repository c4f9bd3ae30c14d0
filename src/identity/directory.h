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
  size_t index = 0;  // position in the directory
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string plan;        // usage plan; may be empty
  std::string group_list;  // "a,b": the value of x-consumer-groups

  bool in_group(std::string_view group) const;
  std::string_view metadata_of(std::string_view key) const;  // "" when there is no such key
};

// The credentials, as the finders return them. `name` distinguishes a consumer's credentials; it may be
// empty.
struct ApiKey {
  const Consumer* consumer;
  crypto::Digest256 digest;
  std::string name;
  std::chrono::sys_seconds expires;  // the epoch: never expires

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
  std::string algorithm;  // the algorithm's name in RFC 9421
  crypto::Verifier key;
};

// All consumers and their credentials, indexed for look-up. Immutable; any thread. The pointers that it
// returns are valid as long as the directory.
class Directory {
 public:
  // The configuration must have passed check().
  explicit Directory(const config::SharedList<config::Consumer>& consumers);
  // Reports names and credentials that two consumers share, and invalid keys.
  static void check(const config::SharedList<config::Consumer>& consumers, config::Diagnostics& diagnostics);

  const Consumer* by_name(std::string_view name) const { return find(by_name_, name); }
  const Consumer* by_subject(std::string_view subject) const { return find(by_subject_, subject); }
  // Finds a key by the digest of the presented key. The time reveals nothing about how close a wrong key was:
  // look-ups use digests instead of keys, and digests are compared in constant time.
  const ApiKey* by_key(const crypto::Digest256& digest) const;
  const Password* by_username(std::string_view username) const { return find(by_username_, username); }
  const SigningKey* by_signing_key(std::string_view id) const { return find(by_signing_key_, id); }

  // Finds a certificate credential by one verified property of the client's certificate.
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
  std::unordered_map<uint64_t, const ApiKey*> by_key_;  // keyed by the first bytes of the digest
  Index<Password> by_username_;
  Index<SigningKey> by_signing_key_;
};

}  // namespace portcullis::identity

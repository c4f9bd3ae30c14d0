#include "identity/directory.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "config/signature_names.h"
#include "crypto/encoding.h"

namespace portcullis::identity {
namespace {

uint64_t prefix_of(const crypto::Digest256& digest) {
  uint64_t out;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

crypto::Digest256 digest_of(const std::string& hash) {
  crypto::Digest256 out{};
  const auto bytes = crypto::hex_decode(std::string_view(hash).substr(std::string_view("sha256:").size()));
  if (bytes && bytes->size() == out.size()) std::memcpy(out.data(), bytes->data(), out.size());
  return out;
}

// `name` must be one of the supported names.
crypto::Algorithm signature_algorithm(const std::string& name) {
  const auto& names = config::kSignatureNames;
  return std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.name == name; })->value;
}

Result<crypto::Verifier> signature_key(const config::SigningKey& key) {
  const bool shared = key.algorithm == "hmac-sha256";
  if (shared ? key.secret.empty() : key.public_key.empty())
    return Error{shared ? "hmac-sha256 needs `secret`" : key.algorithm + " needs `public_key`"};
  if (shared) return crypto::Verifier::make(crypto::Key::from_secret(key.secret), crypto::Algorithm::kHs256);
  const auto read = crypto::Key::from_pem(key.public_key);
  if (!read) return read.error();
  return crypto::Verifier::make(*read, signature_algorithm(key.algorithm));
}

}  // namespace

bool Consumer::in_group(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::string_view Consumer::metadata_of(std::string_view key) const {
  for (const auto& [its_key, value] : metadata) {
    if (its_key == key) return value;
  }
  return {};
}

Directory::Directory(const config::SharedList<config::Consumer>& consumers) {
  by_name_.reserve(consumers.size());
  for (const config::Consumer& told : consumers) {
    Consumer& consumer = consumers_.emplace_back();
    consumer.index = consumers_.size() - 1;
    consumer.name = told.name;
    consumer.groups = told.groups;
    consumer.metadata = told.metadata;
    consumer.plan = told.plan;
    for (const std::string& group : told.groups)
      consumer.group_list += (consumer.group_list.empty() ? "" : ",") + group;
    by_name_.emplace(consumer.name, &consumer);
    for (const config::ApiKey& key : told.credentials.keys) {
      const ApiKey& kept = keys_.emplace_back(ApiKey{&consumer, digest_of(key.hash), key.name, key.expires});
      by_key_.emplace(prefix_of(kept.digest), &kept);
    }
    for (const config::BasicCredential& basic : told.credentials.basic) {
      const Password& kept =
          passwords_.emplace_back(Password{&consumer, basic.username, basic.password_hash});
      by_username_.emplace(kept.username, &kept);
    }
    for (const std::string& subject : told.credentials.jwt_subject)
      by_subject_.emplace(subjects_.emplace_back(subject), &consumer);
    for (const config::CertificateCredential& one : told.credentials.certificates)
      certificates_.emplace(one.known_by(), ClientCertificate{&consumer, one.name});
    for (const config::SigningKey& key : told.credentials.signing_keys) {
      auto verifier = signature_key(key);
      if (!verifier) continue;  // check() has already reported the invalid key
      const SigningKey& kept =
          signing_keys_.emplace_back(SigningKey{&consumer, key.id, key.algorithm, std::move(*verifier)});
      by_signing_key_.emplace(kept.id, &kept);
    }
  }
}

const ClientCertificate* Directory::by_certificate(config::CertificateCredential::Kind kind,
                                                   const std::string& value) const {
  const auto found = certificates_.find({kind, value});
  return found == certificates_.end() ? nullptr : &found->second;
}

const ApiKey* Directory::by_key(const crypto::Digest256& digest) const {
  const auto found = by_key_.find(prefix_of(digest));
  if (found == by_key_.end() || !crypto::equal_in_constant_time(found->second->digest, digest))
    return nullptr;
  return found->second;
}

void Directory::check(const config::SharedList<config::Consumer>& consumers,
                      config::Diagnostics& diagnostics) {
  std::map<std::string, std::map<std::string, const config::Location*>> seen;
  const auto note = [&](const char* kind, const std::string& value, const config::Location& place,
                        const std::string& shown) {
    const auto [first, inserted] = seen[kind].emplace(value, &place);
    if (!inserted) {
      diagnostics.error(place, std::string("a second ") + kind + shown + "; the first is at " +
                                   first->second->seen_from(place));
    }
  };
  for (const config::Consumer& consumer : consumers) {
    note("consumer named ", consumer.name, consumer.location, "`" + consumer.name + "`");
    for (const config::ApiKey& key : consumer.credentials.keys) {
      if (key.hash.empty()) continue;
      const crypto::Digest256 digest = digest_of(key.hash);
      // Two hashes that share only their first bytes would have to be constructed deliberately; the index
      // keeps one of them.
      note("key with this hash", std::to_string(prefix_of(digest)), key.location, "");
    }
    for (const config::BasicCredential& basic : consumer.credentials.basic)
      note("user named ", basic.username, basic.location, "`" + basic.username + "`");
    for (const std::string& subject : consumer.credentials.jwt_subject)
      note("consumer with the subject ", subject, consumer.location, "`" + subject + "`");
    for (const config::CertificateCredential& one : consumer.credentials.certificates) {
      const int told = !one.fingerprint.empty() + !one.subject.empty() + !one.dns_name.empty() +
                       !one.uri.empty() + !one.email.empty();
      if (told != 1)
        diagnostics.error(
            one.location,
            "a certificate needs exactly one of `fingerprint`, `subject`, `dns_name`, `uri` and `email`");
      const auto [kind, value] = one.known_by();
      note("certificate known by ", value, one.location, "`" + value + "`");
    }
    for (const config::SigningKey& key : consumer.credentials.signing_keys) {
      note("signing key named ", key.id, key.location, "`" + key.id + "`");
      if (const auto verifier = signature_key(key); !verifier)
        diagnostics.error(key.location, verifier.error().message);
    }
  }
}

}  // namespace portcullis::identity

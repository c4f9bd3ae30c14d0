#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/policy_type.h"

// Named callers, as the configuration tells them.
namespace portcullis::config {

// A key that a caller presents, kept as its hash.
struct ApiKey {
  Location location;
  std::string hash;  // "sha256:" and 64 hexadecimal digits
  std::string name;
  std::chrono::sys_seconds expires{};  // the epoch: never
};

struct BasicCredential {
  Location location;
  std::string username;
  std::string password_hash;
};

// A key that a caller signs with (RFC 9421 section 3.3 names the algorithms).
struct SigningKey {
  Location location;
  std::string id;
  std::string algorithm = "hmac-sha256";
  std::string secret;      // of hmac-sha256
  std::string public_key;  // of the others, PEM
};

// A certificate that the caller shows, known by one thing about it.
struct CertificateCredential {
  enum class Kind { kFingerprint, kSubject, kDnsName, kUri, kEmail };
  Location location;
  std::string name;
  std::string fingerprint;
  std::string subject;
  std::string dns_name;
  std::string uri;
  std::string email;

  // What it is known by; checked to be one.
  std::pair<Kind, std::string> known_by() const;
};

struct Credentials {
  std::vector<ApiKey> keys;
  std::vector<BasicCredential> basic;
  std::vector<std::string> jwt_subject;
  std::vector<SigningKey> signing_keys;
  std::vector<CertificateCredential> certificates;
};

struct Consumer {
  Location location;
  std::string name;
  std::vector<std::string> groups;
  TextMap metadata;
  std::string plan;
  Location plan_location;
  Credentials credentials;
};

Type<Consumer> consumer_type();

// Limits for the consumers that have this plan.
struct PlanApi {
  Location location;
  std::vector<std::string> routes;
  std::vector<PolicyUse> policies;
};
struct Plan {
  Location location;
  std::string name;
  std::vector<PolicyUse> policies;
  std::vector<PlanApi> apis;
};

// `limiting`: the policies that a plan may hold.
Type<Plan> plan_type(const PolicyCatalog& limiting);

}  // namespace portcullis::config

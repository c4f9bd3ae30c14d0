#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/policy_type.h"

// Named callers, as configured.
namespace portcullis::config {

// An API key of a consumer, stored as its hash.
struct ApiKey {
  Location location;
  std::string hash;  // "sha256:" and 64 hexadecimal digits
  std::string name;
  std::chrono::sys_seconds expires{};  // the epoch: never expires
};

struct BasicCredential {
  Location location;
  std::string username;
  std::string password_hash;
};

// A key for signing requests (RFC 9421 section 3.3 names the algorithms).
struct SigningKey {
  Location location;
  std::string id;
  std::string algorithm = "hmac-sha256";
  std::string secret;      // for hmac-sha256
  std::string public_key;  // PEM, for the other algorithms
};

// A client certificate, recognised by one of its properties.
struct CertificateCredential {
  enum class Kind { kFingerprint, kSubject, kDnsName, kUri, kEmail };
  Location location;
  std::string name;
  std::string fingerprint;
  std::string subject;
  std::string dns_name;
  std::string uri;
  std::string email;

  // The property that is set; check() has verified that there is exactly one.
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
  TextMap labels;
  std::string description;
  std::vector<std::string> groups;
  TextMap metadata;
  std::string plan;
  Location plan_location;
  Credentials credentials;
};

Type<Consumer> consumer_type();

// Limits for the consumers with this plan.
struct PlanApi {
  Location location;
  std::vector<std::string> routes;
  std::vector<PolicyUse> policies;
};
struct Plan {
  Location location;
  std::string name;
  TextMap labels;
  std::string description;
  std::vector<PolicyUse> policies;
  std::vector<PlanApi> apis;
};

// `limiting` has the policies that a plan may contain.
Type<Plan> plan_type(const PolicyCatalog& limiting);

// Reports plans with the same name, and names of plans and routes that do not exist. `routes` has the names
// of all routes.
void check_consumers(const SharedList<Consumer>& consumers, const SharedList<Plan>& plans,
                     const std::vector<std::string_view>& routes, Diagnostics& diagnostics);

}  // namespace portcullis::config

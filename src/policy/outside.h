#pragma once

#include <chrono>
#include <string>

#include "base/enum_names.h"
#include "base/faults.h"
#include "base/text.h"
#include "config/field_types.h"
#include "policy/policy.h"

namespace portcullis::policy {

enum class OnError { kDeny, kAllow };
constexpr auto names_of(OnError) {
  return std::to_array<EnumName<OnError>>({{OnError::kDeny, "deny"}, {OnError::kAllow, "allow"}});
}

// Settings shared by policies that ask another service.
struct OutsideService {
  std::string url;
  std::string ca;
  std::chrono::milliseconds timeout{1'000};
  OnError on_error = OnError::kDeny;
};

// Tracks whether the service works. The process log tells when the service begins to fail and when it works
// again.
inline FaultState fault_state_of(const OutsideService& service, const char* policy) {
  return {Fault::kAuthService, std::string(policy) + ", " + without_secrets(service.url)};
}

// Adds the settings of OutsideService to the settings type of a policy, which derives from OutsideService.
template <typename Settings>
void add_outside_fields(config::ObjectType<Settings>& type) {
  type.required("url", &OutsideService::url, config::url_type(), "The URL of the service that decides.")
      .optional("ca", &OutsideService::ca, config::text("/etc/portcullis/service-ca.pem"),
                "A PEM file of the authorities that may have issued the service's certificate.")
      .default_in_words("the system's")
      .optional("timeout", &OutsideService::timeout, config::time_limit(),
                "Max time for the answer of the service.")
      .optional("on_error", &OutsideService::on_error, config::choice<OnError>(),
                "The decision when the service does not answer or answers with a 5xx: `deny` (503), or "
                "`allow`, which accepts every request meanwhile.");
}

}  // namespace portcullis::policy

#pragma once

#include <chrono>
#include <string>

#include "base/faults.h"
#include "base/text.h"
#include "config/field_types.h"
#include "policy/policy.h"

namespace portcullis::policy {

enum class OnError { kDeny, kAllow };

// A service that a policy asks. Settings shared by those that do.
struct OutsideService {
  std::string url;
  std::string ca;
  std::chrono::milliseconds timeout{1'000};
  OnError on_error = OnError::kDeny;
};

// Whether that service works: the process log tells when it begins to fail and when it works again.
inline FaultState fault_state_of(const OutsideService& service, const char* policy) {
  return {Fault::kAuthService, std::string(policy) + ", " + without_secrets(service.url)};
}

// Adds the fields to a policy's settings, which derive from OutsideService.
template <typename Settings>
void add_outside_fields(config::ObjectType& type) {
  type.required("url", static_cast<std::string Settings::*>(&OutsideService::url), config::url_type(),
                "The service that is asked.")
      .optional("ca", static_cast<std::string Settings::*>(&OutsideService::ca),
                config::text("/etc/portcullis/service-ca.pem"), "the system's",
                "PEM file of the authorities that its certificate may come from.")
      .optional("timeout", static_cast<std::chrono::milliseconds Settings::*>(&OutsideService::timeout),
                config::time_limit(), "1s", "How long it may take.")
      .optional("on_error", static_cast<OnError Settings::*>(&OutsideService::on_error),
                config::choice({{"deny", static_cast<int>(OnError::kDeny)},
                                {"allow", static_cast<int>(OnError::kAllow)}}),
                "deny",
                "What is done when it does not answer, or with a 5xx: `deny` (503) or `allow`, which lets "
                "every request in while it is down.");
}

}  // namespace portcullis::policy

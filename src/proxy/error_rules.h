#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_range.h"
#include "config/diagnostics.h"
#include "policy/body_template.h"
#include "policy/condition.h"
#include "policy/request_reads.h"
#include "policy/template.h"
#include "telemetry/end_reason.h"

namespace portcullis::proxy {

// A rule of `errors`, compiled: for which errors of the gateway it is, and their response. Immutable; shared
// by the workers.
struct ErrorRule {
  bool matches(uint16_t with_status, const telemetry::EndReason& why, const policy::Context& context) const;
  // Sets the fields of the response in the context. Call this while Context::error is set.
  void set_fields(policy::Context& context) const;

  config::Location location{};
  std::vector<StatusRange> status{};                   // empty: any
  std::vector<const telemetry::EndReason*> reasons{};  // empty: any
  policy::Condition when{};
  uint16_t sent_status = 0;  // 0: the status of the error
  std::vector<std::pair<std::string, policy::Template>> fields{};
  std::string content_type{};
  policy::BodyTemplate body{};  // empty: problem details
};

// The rules of `errors`, in their order.
class ErrorRules {
 public:
  ErrorRules() = default;
  explicit ErrorRules(std::vector<ErrorRule> rules);

  bool empty() const { return rules_.empty(); }
  // The first rule that matches an error, or null.
  const ErrorRule* find(uint16_t status, const telemetry::EndReason& why,
                        const policy::Context& context) const;
  // The parts of a request on which the status of a response to an error depends.
  const policy::RequestReads& reads() const { return reads_; }

 private:
  std::vector<ErrorRule> rules_;
  policy::RequestReads reads_;
};

}  // namespace portcullis::proxy

#pragma once

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "policy/caller_read.h"

namespace portcullis::policy {

// Properties of a configured policy beside the traits of its kind, for checks that look at several policies
// together (control/warnings). They are known without building the policy.
struct Insight {
  bool admits_anonymous = false;    // requests without a credential pass too
  bool tells_claims = false;        // a policy within this one has PolicyTraits::tells_claims
  bool needs_consumer = false;      // the policy refuses every request without a consumer
  bool decides_access = false;      // the policy refuses requests by their caller
  bool answers_from_store = false;  // the policy may answer with a response that another request has fetched
  bool needs_http2 = false;         // the upstream must speak HTTP/2
  // The kind of consumers' `credentials` without which the policy refuses every request, such as "keys".
  // Empty when the policy does not use `credentials`.
  std::string credential{};
  std::vector<std::string> asks{};  // URLs of the services that the policy asks or fetches keys from

  struct Read {
    CallerRead what;
    config::Location place;
  };
  // The properties of the caller that the policy reads when it handles a request. A policy that authenticates
  // reads them after it has identified the caller.
  std::vector<Read> reads{};

  void add_reads(const CallerReads& more, const config::Location& place) {
    for (const CallerRead& one : more) reads.push_back({one, place});
  }
};

}  // namespace portcullis::policy

#pragma once

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "policy/caller_read.h"

namespace portcullis::policy {

// What is to be known of a configured policy beside the traits of its kind, without building it, by checks
// that look at several policies together (control/warnings). A plain value.
struct Insight {
  bool admits_anonymous = false;    // also a request without a credential passes
  bool tells_claims = false;        // it sets the caller's claims
  bool needs_consumer = false;      // it refuses every request without a consumer
  bool decides_access = false;      // it refuses requests by who asks
  bool answers_from_store = false;  // it may answer with what another request has fetched
  bool needs_http2 = false;         // the upstream must speak HTTP/2
  // What it looks for among the `credentials` of consumers, and refuses every request without: "keys". Empty
  // where it looks for something else.
  std::string credential{};
  std::vector<std::string> asks{};  // URLs of the services that it asks, or fetches keys of

  struct Read {
    CallerRead what;
    config::Location place;
  };
  // What it reads of the caller while the request passes; of one that authenticates, once it knows the
  // caller.
  std::vector<Read> reads{};

  void add_reads(const CallerReads& more, const config::Location& place) {
    for (const CallerRead& one : more) reads.push_back({one, place});
  }
};

}  // namespace portcullis::policy

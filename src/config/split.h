#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/policy_type.h"
#include "config/schema.h"
#include "config/value_types.h"
#include "proxy/rollback_rules.h"
#include "proxy/split_cookie.h"

// How a route divides its requests between upstreams, as configured. Defaults are in these structs; the
// schema shows them in the reference.
namespace portcullis::config {

struct Rollback : proxy::RollbackRules {
  Location location;

  bool enabled() const { return location.line_read != 0; }
};

// A part of a route's requests, and its upstream.
struct Branch {
  static constexpr uint64_t kUnsaid = UINT64_MAX;

  Location location;
  std::string name;  // empty: the upstream's name
  std::string upstream;
  Location upstream_location;
  TextMap subset;  // of the upstream's targets; empty: all
  uint64_t weight = kUnsaid;
  std::string when;
  Location when_location;
  Rollback rollback;

  const std::string& label() const { return name.empty() ? upstream : name; }
  // The default is 1; 0 for a branch with `when`, which gets no share of the other requests.
  uint64_t share() const { return weight != kUnsaid ? weight : when.empty() ? 1 : 0; }
};

struct SplitSticky : proxy::SplitCookie {
  Location location;
  std::string key;
  Location key_location;
};

Type<Branch> branch_type();
Type<SplitSticky> split_sticky_type();

}  // namespace portcullis::config

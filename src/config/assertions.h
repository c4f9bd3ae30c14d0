#pragma once

#include <string>
#include <vector>

#include "config/policy_type.h"
#include "config/schema.h"

namespace portcullis::config {

struct Config;

// A rule that the loader checks: each matching route must have these policies.
struct Assertion {
  Location location;
  std::string path_prefix;
  std::vector<std::string> hosts;
  std::vector<std::string> methods;
  std::vector<std::string> except;
  std::vector<std::string> requires_all;
  std::vector<std::string> requires_any;
};

// `catalog` has the policies that an assertion may name.
Type<Assertion> assertion_type(const PolicyCatalog& catalog);

// What has become of an assertion.
struct JudgedAssertion {
  std::string text;                 // what it demands: "every route below `/admin` has `key_auth`"
  std::vector<std::string> faults;  // the routes that violate it, each in a sentence; empty when it holds
};

// Reports each assertion that does not hold, and the routes that violate it.
std::vector<JudgedAssertion> check_assertions(const Config& config, Diagnostics& diagnostics);

}  // namespace portcullis::config

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::policy {

class Services;

// An action of operators on an engine of a kind of policy: a POST of the admin API.
struct OperatorAction {
  std::string path;  // on the admin listener
  std::string name;  // in the audit log
  // Returns an object that says what was done, for the operator and for the audit log; or the error, a
  // sentence about what is wrong with `query`. Control thread.
  std::function<Result<nlohmann::json>(std::string_view query, Services& services)> act;
};

}  // namespace portcullis::policy

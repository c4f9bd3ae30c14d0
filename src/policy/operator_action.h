#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace portcullis::policy {

class Services;

// An action of operators on an engine of a kind of policy: a POST of the admin API.
struct OperatorAction {
  // A parameter of the query.
  struct Parameter {
    std::string name;
    std::string summary;  // a sentence
  };
  // A member of the object that act() returns, which is a number.
  using Figure = Parameter;

  std::string path;                     // of the call below /v1, such as "/cache/purge"
  std::string name;                     // in the audit log, and of the call
  std::string summary{};                // without a full stop
  std::vector<Parameter> parameters{};  // those that `act` reads
  std::vector<Figure> figures{};
  // Returns an object that says what was done, for the operator and for the audit log; or the error, a
  // sentence about what is wrong with `query`. Control thread.
  std::function<Result<nlohmann::json>(std::string_view query, Services& services)> act;
};

}  // namespace portcullis::policy

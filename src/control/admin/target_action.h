#pragma once

#include <string>
#include <string_view>

namespace portcullis::control {

// An action of an operator on one target.
struct TargetAction {
  enum class What {
    kResume,   // ends the ejection of the target
    kDrain,    // no new requests are sent to the target
    kUndrain,  // new requests are sent to the target again
  };
  What what;
  std::string upstream;
  std::string address;
};

}  // namespace portcullis::control

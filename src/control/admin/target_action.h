#pragma once

#include <optional>
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
  std::string_view name;  // the name of the action in the audit log, such as "drain_target"

  // Parses a path /v1/upstreams/UPSTREAM/targets/ADDRESS/ACTION, which is split before it is decoded. Nothing
  // for any other path.
  static std::optional<TargetAction> parse(std::string_view path);
};

}  // namespace portcullis::control

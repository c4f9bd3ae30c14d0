#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portcullis::control {

// What operators do to one target by hand.
struct TargetAction {
  enum class What {
    kResume,   // ends its ejection
    kDrain,    // no new requests go to it
    kUndrain,  // they do again
  };
  What what;
  std::string upstream;
  std::string address;
  std::string_view name;  // of the action, for the audit log: "drain_target"

  // Of a path /v1/upstreams/UPSTREAM/targets/ADDRESS/ACTION, which is split before it is decoded; none when
  // it is another one.
  static std::optional<TargetAction> parse(std::string_view path);
};

}  // namespace portcullis::control

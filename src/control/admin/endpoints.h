#pragma once

#include <string_view>

namespace portcullis::control {

// A path of the admin listener that is not a file of the dashboard.
struct Endpoint {
  enum class What {
    kLook,     // shows the state of the gateway
    kHealth,   // shows the health of the gateway; needs no token
    kExplain,  // explains how a request would be handled
    kLogIn,
    kLogOut,
    kLive,  // a stream of events with the figures of the dashboard
    kTail,  // a stream of events with single requests
    kNow,   // the figures of the dashboard once
    kSession,
    kChange,  // changes the gateway
  };
  std::string_view path;
  What what;

  bool by_post() const {
    return what == What::kChange || what == What::kExplain || what == What::kLogIn || what == What::kLogOut;
  }
  // True when the endpoint needs no token.
  bool open() const { return what == What::kHealth || what == What::kLogIn || what == What::kLogOut; }
};

// The endpoint at `path`, or null. All actions on targets (target_action.h) share one endpoint, and so do all
// actions of policies (policy/operator_action.h).
const Endpoint* find_endpoint(std::string_view path);

}  // namespace portcullis::control

#pragma once

#include <string_view>

namespace portcullis::control {

// A path of the admin listener, beside the files of the dashboard.
struct Endpoint {
  enum class What {
    kLook,     // shows the state of the gateway
    kHealth,   // the same for everyone, without a token
    kExplain,  // says what would become of a request
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
  // Needs no token.
  bool open() const { return what == What::kHealth || what == What::kLogIn || what == What::kLogOut; }
};

// Null when there is none at `path`. Actions on targets (target_action.h) share one.
const Endpoint* find_endpoint(std::string_view path);

}  // namespace portcullis::control

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cache/store.h"
#include "http/cache_control.h"
#include "policy/cache/engine.h"
#include "policy/cache/stored_body.h"
#include "policy/policy.h"

namespace portcullis::policy::cache {

// The state of the cache for one exchange.
struct CacheVisit {
  engine::Key key{};
  http::CacheControl wanted{};  // the Cache-Control of the request
  // the method may change the resource, so stored responses of the URI are invalidated
  bool is_unsafe = false;
  bool answered = false;       // the response of the exchange is made from a stored entry
  bool goes_alone = false;     // the request does not share a fetch with others
  bool collapsed = false;      // the request has waited for the fetch of another request
  bool in_background = false;  // no client waits for the response
  bool validates = false;      // the upstream is asked whether `stale` is still valid
  // the stored response that may not be sent as it is; after serve() the one that is sent
  engine::EntryPointer stale{};
  std::shared_ptr<engine::Fetch> fetch{};   // the fetch of this exchange until it ends
  std::shared_ptr<engine::Fetch> joined{};  // the fetch of another exchange that this one waits for
  StoredBody* body = nullptr;               // of the answer; owned by Context::response_body
  std::unique_ptr<http::Fields> request{};  // the request fields before ask_upstream() changed them
  engine::Time asked{};
  std::string_view forwarded{};  // why the request was forwarded, for Cache-Status
  std::string_view detail{};

  // The stored body was dropped before its reader began. HEAD needs no body.
  bool came_too_late(std::string_view method) const {
    return body != nullptr && !body->reader().valid() && method != "HEAD";
  }
};

}  // namespace portcullis::policy::cache

#pragma once

#include <memory>
#include <string>

#include "cache/store.h"
#include "http/cache_control.h"
#include "policy/policy.h"

namespace portcullis::policy::cache_policy {

// What the cache knows of one exchange.
struct CacheVisit {
  cache::Key key{};
  http::CacheControl wanted{};              // what the request says
  bool is_unsafe = false;                   // and what is kept of its URI may not be true any more
  bool answered = false;                    // from the cache
  bool goes_alone = false;                  // it waits for nobody
  bool collapsed = false;                   // it has waited
  bool in_background = false;               // no client waits for it
  bool validates = false;                   // `stale` is to be validated
  cache::EntryPointer stale{};              // what there is and is not fresh
  std::shared_ptr<cache::Fetch> fetch{};    // its own, while it has not ended
  std::shared_ptr<cache::Fetch> joined{};   // another's
  std::unique_ptr<http::Fields> request{};  // the request's, before it was made to ask for what is kept
  cache::Time asked{};
  std::string_view forwarded{};  // why it was, for Cache-Status
  std::string_view detail{};
};

}  // namespace portcullis::policy::cache_policy

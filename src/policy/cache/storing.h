#pragma once

#include <memory>

#include "cache/filling.h"
#include "policy/cache/engine.h"
#include "policy/response_body.h"

namespace portcullis::policy::cache {

// Reads the body of a response into the cache. The task needs nothing of the exchange. When the body breaks
// off, the stored body fails too.
Task<void> store_body(ResponseBody::Released received, std::unique_ptr<engine::Filling> filling,
                      EventLoop& loop);

}  // namespace portcullis::policy::cache

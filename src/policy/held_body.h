#pragma once

#include <string>
#include <string_view>

#include "runtime/task.h"

namespace portcullis::policy {

enum class BodyState { kHeld, kTooLarge, kBroken, kTimedOut, kGone };

// The request's body, for the policies that must see it before the backend does. Everything else streams.
class BodyHolder {
 public:
  // Receives the whole body, of at most `limit` bytes, into memory, from where it is forwarded. The client is
  // told to go on if it waits to be.
  virtual Task<BodyState> hold(size_t limit) = 0;
  // Once it is held: the content, without its chunked coding. Lives as long as the exchange.
  virtual std::string_view content() const = 0;
  // Likewise: forwards `content` in its place.
  virtual void replace(std::string content) = 0;

 protected:
  ~BodyHolder() = default;
};

}  // namespace portcullis::policy

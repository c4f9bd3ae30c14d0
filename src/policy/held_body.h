#pragma once

#include <string>
#include <string_view>

#include "policy/reasons.h"
#include "runtime/task.h"

namespace portcullis::policy {

enum class BodyState {
  kHeld,
  kTooLarge,
  kBroken,
  kTimedOut,
  kGone,
  kRefused,  // by a stage of a policy; see BodyHolder::refusal()
};

// Gives policies the whole request body before it is forwarded. Bodies that no policy holds are streamed.
class BodyHolder {
 public:
  // Receives the whole body into memory, at most `limit` bytes; it is then forwarded from there. Sends 100
  // (Continue) when the client waits for it. A body that is held already passes the stages that policies have
  // put behind it since.
  virtual Task<BodyState> hold(size_t limit) = 0;
  // The content without its chunked coding, after hold() has succeeded. The view is valid until hold() or
  // replace() is called again, else as long as the exchange lives.
  virtual std::string_view content() const = 0;
  // Why a stage has refused the body; not null after kRefused.
  virtual const EndReason* refusal() const = 0;
  // Forwards `content` in place of the body, after hold() has succeeded.
  virtual void replace(std::string content) = 0;

 protected:
  ~BodyHolder() = default;
};

}  // namespace portcullis::policy

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/block_pool.h"
#include "policy/reasons.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::policy {

// Converts a body piece by piece, for a ConvertStage. Used on the thread of the worker. The converter and its
// output are on the heap, so that only exchanges with a conversion pay for a copy of the body.
class BodyConverter {
 public:
  // The result of one step of a conversion.
  enum class Step : uint8_t {
    kDone,        // all bytes have been used
    kMore,        // the output has reached the size that is passed on at once: more() writes the rest
    kLater,       // the conversion takes long: proceed() has to be awaited before any other call
    kFailed,      // the body is broken, and cannot be converted to its end
    kOverloaded,  // the gateway has no room for the work at present; returned only before any output
    kGivenUp,     // give_up() was called before the end of the work
  };

  virtual ~BodyConverter() = default;

  // Converts bytes of the body and appends the output to `out`. `data` lives until a step has ended with
  // kDone. The head of the message may be changed until there is output.
  virtual Step convert(std::string_view data, std::string& out) = 0;
  // Appends the next output to `out`. Called after a step that ended with kMore.
  virtual Step more(std::string& /*out*/) { return Step::kDone; }
  // Called at the end of the body; appends the last output to `out`. `trailers` are lines, each with its
  // CRLF; they live until the step has ended, including a call of proceed().
  virtual Step finish(std::string_view trailers, std::string& out) = 0;
  // Called after a step that ended with kLater: does the work on other threads, and then appends the output
  // to `out`. Never ends with kLater. The caller reads no more of the body meanwhile, so that at most one job
  // waits for each response.
  virtual Task<Step> proceed(std::string& /*out*/) { co_return Step::kDone; }
  // Tells that the result is not needed any more: proceed() ends with kGivenUp, and when it is waiting, it
  // ends with the next messages of the loop. This call resumes no coroutine by itself.
  virtual void give_up() {}
  // Tells that the body goes on without its exchange: the head of the message and the exchange's arena are
  // not used from now on.
  virtual void detach() {}

  // Appends the output that has been held back, because no more input may come for a while.
  virtual void flush(std::string& /*out*/) {}
  // True when there is no output before finish(), so that the head may wait for finish().
  virtual bool waits_for_all() const { return false; }
  // True when the first bytes show whether the message can be read at all, so that the head waits for the
  // first output.
  virtual bool checks_beginning() const { return false; }
  // True when the trailers are forwarded; false when finish() has converted them.
  virtual bool keeps_trailers() const { return false; }

  // Why a step has ended with kFailed or kOverloaded, for the log.
  virtual const EndReason& failure() const { return kEnds.upstream_malformed; }
};

// The max bytes that a converter is given at once, because a conversion on the worker's thread keeps other
// exchanges waiting.
inline constexpr size_t kMaxConvertedAtOnce = Block::kLarge;

// The approximate max bytes of output of one step when a few bytes become many. The output is held until the
// client has received it.
inline constexpr size_t kMaxMadeAtOnce = Block::kLarge;

}  // namespace portcullis::policy

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/block_pool.h"
#include "http/message.h"
#include "policy/reasons.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::policy {

// Makes something else of a target's response before the policies, and the client, see it. A policy makes one
// for an exchange in on_request; when the request is sent once more, begin() is called anew. On its worker's
// thread. It and what it writes are on the heap: whoever asks for another form of a body pays for a copy of
// it, and nobody else does.
class ResponseConverter {
 public:
  enum class Way : uint8_t {
    kPass,    // the body goes on as it came
    kStream,  // piece by piece, after the head
    kFirst,   // likewise, but the head waits for the first of it, on which it depends
    kWhole,   // the body comes first, for the head depends on it
  };

  // What has come of the bytes that a converter was given.
  enum class Step : uint8_t {
    kDone,        // it has made use of them
    kMore,        // it has made as much of them as is passed on at once: more() makes the rest
    kLater,       // to convert them takes long: proceed() has to be awaited before anything else is called
    kFailed,      // the target's message has failed, and what has been sent is not all of it
    kOverloaded,  // the gateway has no room for the work at present; only before anything has been made
    kGivenUp,     // give_up() came first
  };

  virtual ~ResponseConverter() = default;

  // The target's head has come. Changes it, unless that depends on the body.
  virtual Way begin(http::ResponseHead& response) = 0;
  // Most bytes of a body that is received whole.
  virtual size_t limit() const { return 0; }
  // Appends to `out` what becomes of these bytes of the body, which live until a step has ended with kDone;
  // may change the head until that is something.
  virtual Step convert(std::string_view data, std::string& out) = 0;
  // After kMore: appends to `out` what comes next.
  virtual Step more(std::string& /*out*/) { return Step::kDone; }
  // The same as convert() at the body's end, of its trailers: lines, each with its CRLF, which live until
  // proceed() has ended where that is needed.
  virtual Step finish(std::string_view trailers, std::string& out) = 0;
  // After kLater: does the work on other threads, and then appends to `out` what has been put off. Never ends
  // with kLater. The caller reads no more of the body meanwhile, so that one piece of work waits at a time.
  virtual Task<Step> proceed(std::string& /*out*/) { co_return Step::kDone; }
  // The result is not wanted any more: proceed() ends with kGivenUp, with the loop's next messages where it
  // waits. Resumes nothing by itself.
  virtual void give_up() {}

  // Appends what it has kept back, because nothing else may come for a while.
  virtual void flush(std::string& /*out*/) {}
  // Nothing comes before finish(), so that the head may wait for it.
  virtual bool waits_for_all() const { return false; }
  // The first bytes show whether the message can be read at all: the head waits until something has come of
  // them.
  virtual bool checks_beginning() const { return false; }
  // What follows the body still does; else finish() has made use of it.
  virtual bool keeps_trailers() const { return false; }

  // Why a step has failed or found no room, for the log.
  virtual const EndReason& failure() const { return kEnds.upstream_malformed; }

  // The content type of an answer of the gateway's own that says what went wrong as gRPC does; empty: such
  // answers are as for everybody.
  virtual std::string_view grpc_type() const { return {}; }
};

// The most bytes that a converter is given at once: what it makes of them on the worker's thread keeps other
// exchanges waiting.
inline constexpr size_t kMaxConvertedAtOnce = Block::kLarge;

// The bytes, or somewhat more, that a converter makes at once where a few become many: they are held until
// the client has taken them.
inline constexpr size_t kMaxMadeAtOnce = Block::kLarge;

// Has `encoder`, which puts nothing off, convert `data`, which may be large: where that takes long, the
// loop's other exchanges have their turn in between. Appends to `out`. `data` and `out` live until it has
// ended.
Task<ResponseConverter::Step> encode_in_parts(ResponseConverter& encoder, std::string_view data,
                                              std::string& out, EventLoop& loop);

}  // namespace portcullis::policy

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "http/gather.h"
#include "http/h1/head_parser.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::telemetry {
struct EndReason;
}

namespace portcullis::http {

// A range of a file. The source owns the file.
struct FileRange {
  int file = -1;
  uint64_t begin = 0;
  size_t size = 0;
};

// A part of a body. The bytes and the file to which it refers are valid until the source is asked for the
// next part.
struct BodyPart {
  Gather runs;              // bytes in memory
  uint64_t size = 0;        // the size of `runs` in bytes
  FileRange file{};         // bytes of a file, instead of runs; only when `takes_file` is set
  bool takes_file = false;  // set by a receiver that can send bytes of a file
  bool last = false;        // the body ends with this part
  std::string trailers{};   // the trailers in the last part: field lines, each with its CRLF

  void clear() {
    runs.clear();
    size = 0;
    file = {};
    last = false;
    trailers.clear();
  }
};

// The failure of a body.
struct BodyFailure {
  enum class Kind : uint8_t {
    kNone,
    kClosed,      // the peer closed the connection or stream before the end of its message
    kFailed,      // a reset, or a timeout: `error` is the errno
    kMalformed,   // the coding of the body is invalid
    kTooLarge,    // the body is larger than a limit
    kOverloaded,  // the gateway has no room for the work
    kCancelled,   // cancel() was called
  };
  Kind kind = Kind::kNone;
  int error = 0;
  h1::ParseError malformed = h1::ParseError::kNone;  // the error in the chunked coding
  const telemetry::EndReason* reason = nullptr;  // the reason that a stage gives for its failure; may be null
};

// The source of a body. The receiver asks for a part, passes it on, and asks again, so a slow receiver slows
// the sender down. On the loop's thread.
class BodySource {
 public:
  enum class State : uint8_t {
    kPart,    // `part` has bytes, or the end of the body
    kWait,    // no bytes are available: await wait() before the next call
    kFailed,  // failure() has the reason; no bytes follow
  };

  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;

  // Sets `part`, which must have been cleared, to the next part of the body. Does not wait. Do not call this
  // after the last part.
  virtual State next(BodyPart& part) = 0;
  // Waits until next() may have a part. Holds as little memory as possible meanwhile.
  virtual Task<void> wait() = 0;
  virtual const BodyFailure& failure() const = 0;

  // True when the size of the body is known before it has been received. A stage then needs not pass on each
  // part at once.
  virtual bool has_length() const { return false; }
  // True when the head of the message must not be sent before next() has returned a part: the head may still
  // change, or the body may fail so that another message is sent.
  virtual bool holds_head() const { return false; }
  // After kWait: true when wait() waits for a peer, false when it waits for work of the gateway itself.
  virtual bool waits_for_peer() const { return true; }
  // Called when the head has been sent, so the memory of the head may be released.
  virtual void head_sent() {}
  // Called when the bytes of the last part are not needed any more.
  virtual void release() {}
  // Called when `bytes` bytes of a part's file have been sent. `error` is the errno of a failure after these
  // bytes; 0 without a failure.
  virtual void file_sent(size_t /*bytes*/, int /*error*/) {}
  // Called with the time that it took to pass the last part on.
  virtual void note_sent(Clock::duration /*took*/) {}
  // Called when the body outlives its exchange. From then on the source uses nothing of the exchange.
  virtual void detach() {}
  // Called when the receiver needs no more of the body: the current wait() and all later ones end soon. Does
  // not resume a coroutine itself.
  virtual void cancel() {}
};

// A source that converts the body of another source.
class BodyStage : public BodySource {
 public:
  explicit BodyStage(std::unique_ptr<BodySource> from) : from_(std::move(from)) {}

  State next(BodyPart& part) override { return from_->next(part); }
  Task<void> wait() override { return from_->wait(); }
  const BodyFailure& failure() const override { return from_->failure(); }
  bool has_length() const override { return from_->has_length(); }
  bool holds_head() const override { return from_->holds_head(); }
  bool waits_for_peer() const override { return from_->waits_for_peer(); }
  void head_sent() override { from_->head_sent(); }
  void release() override { from_->release(); }
  void file_sent(size_t bytes, int error) override { from_->file_sent(bytes, error); }
  void note_sent(Clock::duration took) override { from_->note_sent(took); }
  void detach() override { from_->detach(); }
  void cancel() override { from_->cancel(); }

 protected:
  BodySource& from() { return *from_; }
  const BodySource& from() const { return *from_; }

 private:
  std::unique_ptr<BodySource> from_;
};

}  // namespace portcullis::http

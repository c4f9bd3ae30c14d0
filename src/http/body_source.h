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

// Bytes of a file, which belongs to the source.
struct FileRange {
  int file = -1;
  uint64_t begin = 0;
  size_t size = 0;
};

// A part of a body on its way. What it refers to lives until its source is asked for the next part.
struct BodyPart {
  Gather runs;              // bytes in memory
  uint64_t size = 0;        // of the runs
  FileRange file{};         // bytes of a file in place of the runs; only where the receiver takes them
  bool takes_file = false;  // set by the receiver
  bool last = false;        // the body ends with this part
  std::string trailers{};   // of the last part: field lines, each with its CRLF

  void clear() {
    runs.clear();
    size = 0;
    file = {};
    last = false;
    trailers.clear();
  }
};

// Why a body has broken off.
struct BodyFailure {
  enum class Kind : uint8_t {
    kNone,
    kClosed,      // the peer ended before its message did
    kFailed,      // a reset, or a timeout: `error` is the errno
    kMalformed,   // the coding is broken
    kTooLarge,    // beyond a limit
    kOverloaded,  // the gateway has no room for the work
    kCancelled,
  };
  Kind kind = Kind::kNone;
  int error = 0;
  h1::ParseError malformed = h1::ParseError::kNone;  // of the chunked coding
  const telemetry::EndReason* reason = nullptr;      // of a stage that has one of its own
};

// Where a body comes from. It is pulled: the receiver asks for a part, passes it on, and asks again, so that
// a slow receiver slows the sender down. On its loop's thread.
class BodySource {
 public:
  enum class State : uint8_t {
    kPart,    // `part` has something, or the end
    kWait,    // there is nothing at present: wait() has to be awaited
    kFailed,  // failure() says why; nothing comes any more
  };

  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;

  // Sets `part`, which has been cleared, to what comes next. Does not wait. Not to be called after the last
  // part.
  virtual State next(BodyPart& part) = 0;
  // Waits until next() may have something. Holds as little memory as it can meanwhile.
  virtual Task<void> wait() = 0;
  virtual const BodyFailure& failure() const = 0;

  // It is known how much will be received, so that a stage which waits for more need not give at once what it
  // has.
  virtual bool has_length() const { return false; }
  // The head of the message must not leave before next() has given a part: the head may still change, or the
  // body may show that there is no message.
  virtual bool holds_head() const { return false; }
  // After kWait: a peer is waited for, which may take long; else the gateway's own work.
  virtual bool waits_for_peer() const { return true; }
  // The head has been sent: what lies with it in memory is not needed any more.
  virtual void head_sent() {}
  // The bytes of the last part are not needed any more.
  virtual void release() {}
  // So many bytes of a part's file have been sent, and then `error` (an errno) has come up; 0: none has.
  virtual void file_sent(size_t /*bytes*/, int /*error*/) {}
  // It has taken so long to pass the last part on.
  virtual void note_sent(Clock::duration /*took*/) {}
  // The body goes on without the exchange that it began in: what belongs to the exchange is not used from now
  // on.
  virtual void detach() {}
  // The receiver needs no more of the body: a wait() in progress ends soon, and so does each later one.
  // Resumes no coroutine by itself.
  virtual void cancel() {}
};

// A source that makes something else of what another source gives.
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

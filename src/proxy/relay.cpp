#include "proxy/relay.h"

#include <utility>

namespace portcullis::proxy {
namespace {

using State = http::BodySource::State;

RelayResult failed(const http::BodySource& source, bool untouched, uint64_t bytes) {
  return {.source = source.failure(), .untouched = untouched, .bytes = bytes};
}

std::string_view text_of(const iovec& run) {
  return {static_cast<const char*>(run.iov_base), run.iov_len};
}

// Sends parts of a body to a message stream.
class Sender {
 public:
  Sender(http::BodySource& source, http::MessageStream& to, Milliseconds timeout)
      : source_(source), to_(to), timeout_(timeout) {
    part.takes_file = to.sends_bytes_alone() && to.bytes().may_send_files();
  }

  // The head has been sent.
  bool begun() const { return begun_; }
  // Sends what `part` has, and the head before it where that has not been sent.
  Task<IoResult> send() {
    if (!to_.head_is_ready()) {
      Task<IoResult> sending = to_.send_ready_head();
      const IoResult sent = co_await sending;
      if (!sent.ok()) co_return sent;
    }
    bytes += part.size;
    to_.frame(part.runs, part.size, part.last, part.trailers);
    IoResult sent;
    if (!part.runs.empty() || (part.last && to_.writes_end())) {
      const Clock::time_point began = to_.bytes().loop().now();
      sent = co_await to_.bytes().write(part.runs.pieces(), timeout_);
      source_.note_sent(to_.bytes().loop().now() - began);
    }
    if (!std::exchange(begun_, true)) source_.head_sent();
    if (!sent.ok() || part.file.size == 0) co_return sent;
    sent = co_await to_.bytes().send_file(part.file.file, part.file.begin, part.file.size, timeout_);
    bytes += sent.bytes;
    source_.file_sent(sent.bytes, sent.error);
    // The source gives the bytes in another way, or fails.
    if (sent.error == EINVAL || sent.error == ENOSYS || sent.error == EOPNOTSUPP || sent.error == EIO)
      co_return IoResult{};
    co_return sent;
  }

  http::BodyPart part;
  uint64_t bytes = 0;

 private:
  http::BodySource& source_;
  http::MessageStream& to_;
  Milliseconds timeout_;
  bool begun_ = false;
};

}  // namespace

Task<RelayResult> relay_body(http::BodySource& source, http::MessageStream& to, Milliseconds timeout) {
  Sender sender(source, to, timeout);
  for (;;) {
    sender.part.clear();
    const State state = source.next(sender.part);
    if (state == State::kFailed) co_return failed(source, !sender.begun(), sender.bytes);
    if (state == State::kPart || (!sender.begun() && !source.holds_head())) {
      Task<IoResult> sending = sender.send();
      const IoResult sent = co_await sending;
      if (!sent.ok())
        co_return RelayResult{.sink_failed = true, .sink_error = sent.error, .bytes = sender.bytes};
      if (sender.part.last) co_return RelayResult{.bytes = sender.bytes};
    }
    if (state != State::kWait) continue;
    Task<void> waiting = source.wait();
    co_await waiting;
  }
}

Task<RelayResult> store_body(http::BodySource& source, cache::Filling& filling, EventLoop& loop,
                             Milliseconds timeout) {
  http::BodyPart part;
  uint64_t bytes = 0;
  source.head_sent();
  for (;;) {
    part.clear();
    const State state = source.next(part);
    if (state == State::kFailed) co_return failed(source, false, bytes);
    if (state == State::kWait) {
      Task<void> waiting = source.wait();
      co_await waiting;
      continue;
    }
    for (const iovec& run : part.runs.pieces()) filling.append(text_of(run));
    bytes += part.size;
    if (part.last) co_return RelayResult{.bytes = bytes};
    if (!filling.has_to_wait()) continue;
    source.release();
    Task<bool> waiting = filling.wait(loop, timeout);
    if (!co_await waiting) co_return RelayResult{.sink_failed = true, .bytes = bytes};
  }
}

Task<RelayResult> collect_body(http::BodySource& source, std::string& out, Until until, bool& ended) {
  http::BodyPart part;
  const size_t before = out.size();
  for (;;) {
    part.clear();
    const State state = source.next(part);
    if (state == State::kFailed) co_return failed(source, false, out.size() - before);
    if (state == State::kWait) {
      Task<void> waiting = source.wait();
      co_await waiting;
      continue;
    }
    for (const iovec& run : part.runs.pieces()) out += text_of(run);
    ended = part.last;
    if (part.last || (until == Until::kSomething && out.size() > before))
      co_return RelayResult{.bytes = out.size() - before};
  }
}

Task<RelayResult> discard_body(http::BodySource& source) {
  http::BodyPart part;
  uint64_t bytes = 0;
  source.head_sent();
  for (;;) {
    part.clear();
    const State state = source.next(part);
    if (state == State::kFailed) co_return failed(source, false, bytes);
    bytes += part.size;
    if (part.last) co_return RelayResult{.bytes = bytes};
    if (state != State::kWait) continue;
    Task<void> waiting = source.wait();
    co_await waiting;
  }
}

}  // namespace portcullis::proxy

#include "http/relay.h"

#include <cerrno>
#include <utility>

namespace portcullis::http {
namespace {

using State = BodySource::State;

RelayResult failed(const BodySource& source, bool untouched, uint64_t bytes) {
  return {.source = source.failure(), .untouched = untouched, .bytes = bytes};
}

// Sends the file range of a part. When the system cannot send the range, the source is told, and either
// returns these bytes from memory or fails.
Task<IoResult> send_file(BodySource& source, Stream& to, const FileRange& range, Milliseconds timeout) {
  IoResult sent = co_await to.send_file(range.file, range.begin, range.size, timeout);
  source.file_sent(sent.bytes, sent.error);
  if (sent.error == EINVAL || sent.error == ENOSYS || sent.error == EOPNOTSUPP || sent.error == EIO)
    sent.error = 0;
  co_return sent;
}

}  // namespace

Task<RelayResult> relay_body(BodySource& source, MessageStream& to, Milliseconds timeout,
                             FunctionRef<void()> before_wait) {
  Stream& stream = to.bytes();
  BodyPart part;
  part.takes_file = to.sends_bytes_alone() && stream.may_send_files();
  uint64_t bytes = 0;
  bool begun = false;                          // the head has been sent
  if (to.head_is_ready()) source.head_sent();  // the stream has its own copy of the head
  for (;;) {
    part.clear();
    const State state = source.next(part);
    if (state == State::kFailed) co_return failed(source, !begun, bytes);
    if (state == State::kPart || (!begun && !source.holds_head())) {
      IoResult sent;
      if (!to.head_is_ready()) {
        Task<IoResult> sending = to.send_ready_head();
        sent = co_await sending;
      }
      if (sent.ok()) {
        bytes += part.size;
        to.frame(part.runs, part.size, part.last, part.trailers);
        if (!part.runs.empty() || (part.last && to.writes_end())) {
          const Clock::time_point began = stream.loop().now();
          sent = co_await stream.write(part.runs.pieces(), timeout, part.file.size > 0);
          source.note_sent(stream.loop().now() - began);
          to.written();
        }
      }
      if (!std::exchange(begun, true)) source.head_sent();
      if (sent.ok() && part.file.size > 0) {
        Task<IoResult> sending = send_file(source, stream, part.file, timeout);
        sent = co_await sending;
        bytes += sent.bytes;
      }
      if (!sent.ok()) co_return RelayResult{.sink_failed = true, .sink_error = sent.error, .bytes = bytes};
      if (part.last) co_return RelayResult{.bytes = bytes};
    }
    if (state != State::kWait) continue;
    before_wait();
    Task<void> waiting = source.wait();
    co_await waiting;
  }
}

}  // namespace portcullis::http

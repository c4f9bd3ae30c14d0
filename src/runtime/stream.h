#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <span>

#include "base/unique_fd.h"
#include "runtime/address.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"
#include "runtime/stream_codec.h"

namespace portcullis {

// The outcome of one stream operation. `error` is 0 or an errno value: ETIMEDOUT after the timeout, ECANCELED
// after cancel().
struct IoResult {
  size_t bytes = 0;
  int error = 0;

  bool ok() const { return error == 0; }
  // True for a read when the peer has finished sending.
  bool end_of_stream() const { return error == 0 && bytes == 0; }
};

// The state of the other end of a stream.
enum class PeerState : uint8_t {
  kPresent,   // the peer may send more, or has sent data that was not read yet
  kFinished,  // the peer has ended its side, by FIN or TLS's close_notify, and may still read
  kGone,      // the peer has reset or closed the connection in both directions, or its TLS has failed
};

// A non-blocking connected socket, or a channel instead of a socket, on one loop. One reader and one writer
// may wait at a time. Operations try the system call first and wait only when it returns EAGAIN; a descriptor
// that never waits is never registered with epoll. Destroying a waiting coroutine withdraws its operation. On
// the loop's thread.
class Stream final : private Watcher {
 public:
  class Operation;
  class Read;
  class Readable;
  class Writable;
  class Write;
  class SendFile;
  class Connect;

  explicit Stream(EventLoop& loop) : loop_(loop) {}
  Stream(EventLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { close(); }

  // co_await: opens a socket and connects it. Data may be written once the connect has succeeded.
  Connect connect(const SocketAddress& address, Milliseconds timeout);

  // co_await: reads up to `size` bytes, and at least one unless the peer has finished. `timeout` counts from
  // the start of the wait.
  Read read(char* data, size_t size, Milliseconds timeout);

  // co_await: waits until a read would return something. An idle connection needs no buffer this way.
  Readable readable(Milliseconds timeout);

  // co_await: waits until the stream's channel has room for a write, or has ended (the next write then
  // fails). Completes at once for a socket, whose writes wait themselves. `timeout` counts from the start of
  // the wait.
  Writable writable(Milliseconds timeout);

  // co_await: writes all of `pieces` (and consumes them). `timeout` counts from the last progress. With
  // `expect_more` the kernel may hold back a partial segment, because more data follows at once.
  Write write(std::span<iovec> pieces, Milliseconds timeout, bool expect_more = false);

  // co_await: sends `size` bytes of `file`, from `offset` on; only for a socket without a codec. The kernel
  // may block to read the disk. EIO when the file is shorter. `timeout` counts as for write().
  SendFile send_file(int file, uint64_t offset, size_t size, Milliseconds timeout);
  bool may_send_files() const { return !channel_ && !codec_; }

  // False when a read would return EAGAIN.
  bool may_read() const {
    return channel_ ? channel_->may_read() : readable_ || (codec_ && codec_->holds_input());
  }
  // Reads once without waiting; the error is EAGAIN when nothing has arrived.
  IoResult try_read(char* data, size_t size);

  // From now on all data passes through `codec`. Output that the codec already holds is sent with the next
  // write, even if that write has no pieces.
  void set_codec(std::unique_ptr<StreamCodec> codec) { codec_ = std::move(codec); }
  StreamCodec* codec() const { return codec_.get(); }
  // The codec when it encodes written data, otherwise null.
  StreamCodec* encoder() const { return codec_ && codec_->encodes() ? codec_.get() : nullptr; }
  // Takes the socket and the codec or channel of `other`. No operation may be waiting on either stream.
  void take_over(Stream& other);
  // From now on `channel` carries the data instead of a socket.
  void set_channel(std::unique_ptr<Channel> channel) { channel_ = std::move(channel); }
  // Called by the channel: a read or a write became possible, or the peer has gone. Each call may destroy
  // this stream.
  void signal_readable();
  void signal_writable();
  void signal_hang_up();
  // Reads from the socket itself; called by the codec.
  IoResult read_raw(char* data, size_t size);

  // Ends waiting operations, and all later ones, with ECANCELED.
  void cancel();
  // Shortens a waiting reader's timeout to `timeout` from now.
  void hurry_reader(Milliseconds timeout);
  // Half-closes: the peer sees the end of the stream after the data written so far.
  void shutdown_write();
  // The known state of the peer. Call this only while no read waits. Peeks behind received data, so it costs
  // a system call once an end was announced, and with a codec whenever data has arrived.
  PeerState peer_state();
  // Makes the next close send a reset instead of a clean end.
  void reset_on_close();
  void close();

  bool is_open() const { return static_cast<bool>(fd_) || channel_; }
  int fd() const { return fd_.get(); }
  EventLoop& loop() { return loop_; }
  // True while a write waits until the peer takes bytes.
  bool is_writing() const { return writer_ != nullptr; }
  // True after a hang-up or error event; an idle connection in this state cannot be reused.
  bool hung_up() const { return hung_up_; }

  // `watcher` is called when an idle stream, without a waiting reader, becomes readable or hangs up.
  void set_idle_watcher(Watcher* watcher) { idle_watcher_ = watcher; }
  // Registers the socket with epoll, so that events arrive although no operation waits.
  bool ensure_watched();
  bool watched() const { return watched_ || channel_; }

 private:
  friend class Operation;
  void on_events(uint32_t events) override;
  IoResult try_write(std::span<iovec>& pieces, bool expect_more);
  IoResult write_raw(std::span<iovec>& pieces, bool expect_more);
  IoResult try_send_file(int file, off_t offset, size_t size);
  IoResult write_coded(std::span<iovec>& pieces, bool expect_more);
  void say_goodbye();
  static int send_flags(bool expect_more);

  EventLoop& loop_;
  UniqueFd fd_;
  std::unique_ptr<StreamCodec> codec_;  // null when bytes are sent unchanged
  std::unique_ptr<Channel> channel_;    // null when the stream uses its socket
  bool watched_ = false;
  bool readable_ = true;  // assumed until a read returns EAGAIN
  bool writable_ = true;
  bool hung_up_ = false;
  bool reset_seen_ = false;  // a reset, or both sides are closed
  bool cancelled_ = false;
  bool resets_ = false;
  Operation* reader_ = nullptr;
  Operation* writer_ = nullptr;
  Watcher* idle_watcher_ = nullptr;
};

// A pending operation; lives in the frame of the coroutine that awaits it.
class Stream::Operation : private Timer {
 public:
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  bool await_ready() { return attempt(); }
  bool await_suspend(std::coroutine_handle<> handle);
  IoResult await_resume() const { return result_; }

 protected:
  enum class Side { kRead, kWrite };
  Operation(Stream& stream, Side side, Milliseconds timeout)
      : stream_(stream), timeout_(timeout), side_(side) {}
  ~Operation() { withdraw(); }

  // Tries to complete the operation; true when `result_` is final.
  virtual bool attempt() = 0;
  void restart_timeout();
  bool note_written(const IoResult& step);

  Stream& stream_;
  IoResult result_;
  bool pausing_ = false;  // true when the timer is for another attempt, not for the timeout

  void wait(std::coroutine_handle<> handle) {
    handle_ = handle;
    (side_ == Side::kRead ? stream_.reader_ : stream_.writer_) = this;
  }
  void complete();

 private:
  friend class Stream;
  void fire() override;
  void retry();
  void withdraw();

  static constexpr Milliseconds kPause{10};

  Milliseconds timeout_;
  Milliseconds paused_{0};
  std::coroutine_handle<> handle_;
  Side side_;
};

class Stream::Read final : public Operation {
 public:
  Read(Stream& stream, char* data, size_t size, Milliseconds timeout)
      : Operation(stream, Side::kRead, timeout), data_(data), size_(size) {}

 private:
  bool attempt() override;
  char* data_;
  size_t size_;
};

class Stream::Readable final : public Operation {
 public:
  Readable(Stream& stream, Milliseconds timeout) : Operation(stream, Side::kRead, timeout) {}

 private:
  bool attempt() override;
};

class Stream::Writable final : public Operation {
 public:
  Writable(Stream& stream, Milliseconds timeout) : Operation(stream, Side::kWrite, timeout) {}

 private:
  bool attempt() override;
};

class Stream::Write final : public Operation, private Sender {
 public:
  Write(Stream& stream, std::span<iovec> pieces, Milliseconds timeout, bool expect_more)
      : Operation(stream, Side::kWrite, timeout), pieces_(pieces), expect_more_(expect_more) {}

  bool await_ready() { return !may_be_batched() && attempt(); }
  bool await_suspend(std::coroutine_handle<> handle);

 private:
  bool may_be_batched() const;
  bool attempt() override;
  SendRequest request() override;
  void sent(ssize_t result) override;

  // Larger writes are sent at once: they would hold large blocks until the batch is sent.
  static constexpr size_t kMaxBatched = 16 * 1024;
  std::span<iovec> pieces_;
  bool expect_more_;
  bool encoded_ = false;  // all pieces are in the codec's output
};

class Stream::SendFile final : public Operation {
 public:
  SendFile(Stream& stream, int file, uint64_t offset, size_t size, Milliseconds timeout)
      : Operation(stream, Side::kWrite, timeout), file_(file), offset_(offset), size_(size) {}

 private:
  bool attempt() override;
  int file_;
  uint64_t offset_;
  size_t size_;
};

class Stream::Connect final : public Operation {
 public:
  Connect(Stream& stream, const SocketAddress& address, Milliseconds timeout)
      : Operation(stream, Side::kWrite, timeout), address_(address) {}

 private:
  bool attempt() override;
  SocketAddress address_;
  bool started_ = false;
};

inline Stream::Connect Stream::connect(const SocketAddress& address, Milliseconds timeout) {
  return {*this, address, timeout};
}
inline Stream::Read Stream::read(char* data, size_t size, Milliseconds timeout) {
  return {*this, data, size, timeout};
}
inline Stream::Readable Stream::readable(Milliseconds timeout) {
  return {*this, timeout};
}
inline Stream::Writable Stream::writable(Milliseconds timeout) {
  return {*this, timeout};
}
inline Stream::Write Stream::write(std::span<iovec> pieces, Milliseconds timeout, bool expect_more) {
  return {*this, pieces, timeout, expect_more};
}
inline Stream::SendFile Stream::send_file(int file, uint64_t offset, size_t size, Milliseconds timeout) {
  return {*this, file, offset, size, timeout};
}

}  // namespace portcullis

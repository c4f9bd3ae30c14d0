#include "runtime/stream.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

namespace portcullis {

bool Stream::ensure_watched() {
  if (watched_ || channel_) return true;
  watched_ = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  readable_ = false;  // epoll reports data that is already there when the descriptor is registered
  return watched_;
}

void Stream::on_events(uint32_t events) {
  EventLoop& loop = loop_;  // outlives this stream, which a resumed coroutine may destroy
  if (events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) hung_up_ = true;
  if (events & (EPOLLHUP | EPOLLERR)) reset_seen_ = true;
  const bool may_write = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
  if (may_write) writable_ = true;
  const Operation* const waiting_writer = writer_;  // a write that begins below needs no second attempt
  if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP | EPOLLERR)) {
    readable_ = true;
    if (reader_ != nullptr) {
      reader_->retry();
    } else if (idle_watcher_ != nullptr) {
      idle_watcher_->on_events(events);
    }
    if (!loop.delivering_to(*this)) return;
  }
  if (may_write && writer_ != nullptr && writer_ == waiting_writer) writer_->retry();
}

void Stream::take_over(Stream& other) {
  if (other.watched_) loop_.unwatch(other.fd_.get(), other);
  other.watched_ = false;
  fd_ = std::move(other.fd_);
  codec_ = std::move(other.codec_);
  hung_up_ = other.hung_up_;
  reset_seen_ = other.reset_seen_;
  readable_ = writable_ = true;
}

void Stream::signal_readable() {
  if (reader_ != nullptr) reader_->retry();
}

void Stream::signal_writable() {
  if (writer_ != nullptr) writer_->retry();
}

void Stream::signal_hang_up() {
  hung_up_ = true;
  if (reader_ != nullptr) {
    reader_->retry();
  } else if (idle_watcher_ != nullptr) {
    idle_watcher_->on_events(EPOLLHUP);
  }
}

IoResult Stream::try_read(char* data, size_t size) {
  if (channel_) return cancelled_ ? IoResult{0, ECANCELED} : channel_->read(data, size);
  return codec_ ? codec_->decode(*this, data, size) : read_raw(data, size);
}

IoResult Stream::read_raw(char* data, size_t size) {
  if (cancelled_) return {0, ECANCELED};
  if (!fd_) return {0, EBADF};
  if (!readable_) return {0, EAGAIN};
  ssize_t count;
  do {
    count = loop_.syscalls().recv(fd_.get(), data, size, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno != EAGAIN) return {0, errno};
    readable_ = false;
    return {0, EAGAIN};
  }
  // Edge-triggered: a short read has drained the socket, and later data causes a new event, unless the end of
  // the stream has already been announced. This saves a read that would only return EAGAIN.
  if (static_cast<size_t>(count) < size && !hung_up_ && count > 0) readable_ = false;
  return {static_cast<size_t>(count), 0};
}

int Stream::send_flags(bool expect_more) {
  return MSG_NOSIGNAL | (expect_more ? MSG_MORE : 0);
}

IoResult Stream::try_write(std::span<iovec>& pieces, bool expect_more) {
  if (cancelled_) return {0, ECANCELED};
  if (channel_) return channel_->write(pieces);
  if (!fd_) return {0, EBADF};
  return encoder() ? write_coded(pieces, expect_more) : write_raw(pieces, expect_more);
}

// `bytes` of the result is the number of bytes taken from `pieces`; without an error, all bytes have been
// sent.
IoResult Stream::write_coded(std::span<iovec>& pieces, bool expect_more) {
  size_t before = 0;
  for (const iovec& piece : pieces) before += piece.iov_len;
  const auto taken = [&] {
    size_t left = 0;
    for (const iovec& piece : pieces) left += piece.iov_len;
    return before - left;
  };
  for (;;) {
    drop_front(pieces, 0);
    if (!pieces.empty() && !codec_->encode(pieces)) return {taken(), EPROTO};
    const std::span<const char> output = codec_->output();
    if (output.empty()) {
      if (pieces.empty()) return {taken(), 0};
      continue;
    }
    iovec piece{const_cast<char*>(output.data()), output.size()};
    std::span<iovec> raw(&piece, 1);
    const IoResult sent = write_raw(raw, expect_more || !pieces.empty());
    codec_->sent(sent.bytes);
    if (!sent.ok()) return {taken(), sent.error};
  }
}

IoResult Stream::write_raw(std::span<iovec>& pieces, bool expect_more) {
  const int flags = send_flags(expect_more);
  size_t total = 0;
  drop_front(pieces, 0);
  while (!pieces.empty()) {
    if (!writable_) return {total, EAGAIN};
    ssize_t count;
    if (pieces.size() == 1) {
      count = loop_.syscalls().send(fd_.get(), pieces[0].iov_base, pieces[0].iov_len, flags);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      count = loop_.syscalls().sendmsg(fd_.get(), &message, flags);
    }
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) writable_ = false;
      return {total, errno};
    }
    total += static_cast<size_t>(count);
    drop_front(pieces, static_cast<size_t>(count));
  }
  return {total, 0};
}

// sendfile() has no flag against SIGPIPE, so the process ignores SIGPIPE.
IoResult Stream::try_send_file(int file, off_t offset, size_t size) {
  if (cancelled_) return {0, ECANCELED};
  if (!fd_) return {0, EBADF};
  size_t total = 0;
  while (total < size) {
    if (!writable_) return {total, EAGAIN};
    const ssize_t count = loop_.syscalls().sendfile(fd_.get(), file, &offset, size - total);
    if (count == 0) return {total, EIO};
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) writable_ = false;
      return {total, errno};
    }
    total += static_cast<size_t>(count);
  }
  return {total, 0};
}

void Stream::cancel() {
  cancelled_ = true;
  // The operations end through their timers, because resuming a coroutine here could destroy this stream and
  // its caller.
  for (Operation* operation : {reader_, writer_}) {
    if (operation != nullptr) loop_.arm(*operation, Milliseconds(0));
  }
}

void Stream::hurry_reader(Milliseconds timeout) {
  if (reader_ != nullptr) loop_.arm(*reader_, timeout);
}

// The closing message gets one attempt, since the socket nearly always has room. When the message cannot be
// sent, the peer sees a truncated stream.
void Stream::say_goodbye() {
  if (!codec_ || !fd_ || resets_) return;
  codec_->finish();
  const std::span<const char> output = codec_->output();
  if (output.empty()) return;
  const ssize_t sent = loop_.syscalls().send(fd_.get(), output.data(), output.size(), send_flags(false));
  codec_->sent(sent > 0 ? static_cast<size_t>(sent) : 0);
}

PeerState Stream::peer_state() {
  if (channel_) return hung_up_ ? PeerState::kGone : PeerState::kPresent;
  if (reset_seen_ || !fd_) return PeerState::kGone;
  if (codec_) {
    // TLS may have ended before the connection.
    if (codec_->has_data(*this)) return PeerState::kPresent;
    if (codec_->is_broken()) return PeerState::kGone;
    return codec_->is_sound() ? PeerState::kPresent : PeerState::kFinished;
  }
  if (!hung_up_) return PeerState::kPresent;
  char byte;
  const ssize_t seen = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen == 0) return PeerState::kFinished;
  return seen > 0 || errno == EAGAIN || errno == EINTR ? PeerState::kPresent : PeerState::kGone;
}

void Stream::shutdown_write() {
  if (channel_) return channel_->finish();
  say_goodbye();
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void Stream::reset_on_close() {
  const linger abort{1, 0};
  resets_ = true;
  if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

void Stream::close() {
  if (channel_) {
    channel_->close(resets_);
    channel_.reset();
  }
  if (!fd_) return;
  say_goodbye();
  if (watched_) loop_.forget(*this);
  watched_ = false;
  fd_.reset();
}

bool Stream::Operation::await_suspend(std::coroutine_handle<> handle) {
  if (!stream_.ensure_watched()) {
    result_ = {result_.bytes, errno};
    return false;
  }
  wait(handle);
  restart_timeout();
  return true;
}

void Stream::Operation::restart_timeout() {
  if (handle_) stream_.loop_.arm(*this, pausing_ ? kPause : timeout_);
}

void Stream::Operation::withdraw() {
  if (!handle_) return;
  handle_ = nullptr;
  (side_ == Side::kRead ? stream_.reader_ : stream_.writer_) = nullptr;
}

void Stream::Operation::retry() {
  if (attempt()) complete();
}

void Stream::Operation::complete() {
  const std::coroutine_handle<> handle = handle_;
  unlink();
  withdraw();
  handle.resume();
}

void Stream::Operation::fire() {
  if (stream_.cancelled_) {
    result_ = {result_.bytes, ECANCELED};
    complete();
  } else if (!pausing_ || (paused_ += kPause) >= timeout_) {
    result_ = {result_.bytes, ETIMEDOUT};
    complete();
  } else {
    pausing_ = false;
    if (attempt()) {
      complete();
    } else {
      restart_timeout();
    }
  }
}

// Records the result of one write step; true when the operation is complete.
bool Stream::Operation::note_written(const IoResult& step) {
  result_.bytes += step.bytes;
  result_.error = step.error;
  if (step.error == ENOBUFS || step.error == ENOMEM) {
    // The kernel is short of memory, and no event reports when memory is available again, so a timer retries.
    pausing_ = true;
    restart_timeout();
    return false;
  }
  if (step.error != EAGAIN) return true;
  if (step.bytes > 0) restart_timeout();
  return false;
}

bool Stream::Read::attempt() {
  result_ = stream_.try_read(data_, size_);
  return result_.error != EAGAIN;
}

bool Stream::Readable::attempt() {
  if (stream_.cancelled_) {
    result_ = {0, ECANCELED};
    return true;
  }
  return stream_.may_read();
}

bool Stream::Writable::attempt() {
  if (stream_.cancelled_) {
    result_ = {0, ECANCELED};
    return true;
  }
  return !stream_.channel_ || stream_.channel_->may_write();
}

bool Stream::Write::may_be_batched() const {
  return !pausing_ && pieces_.size() == 1 && pieces_[0].iov_len <= kMaxBatched && stream_.writable_ &&
         !stream_.cancelled_ && stream_.fd_ && stream_.loop_.sends_can_wait();
}

bool Stream::Write::await_suspend(std::coroutine_handle<> handle) {
  if (!may_be_batched()) return Operation::await_suspend(handle);
  if (StreamCodec* codec = stream_.encoder()) {
    // Data that does not fit, or cannot be encoded at once, is sent by the ordinary write.
    if (!codec->encode(pieces_) || !pieces_.empty()) return !attempt() && Operation::await_suspend(handle);
    encoded_ = true;
  }
  wait(handle);
  stream_.loop_.send_later(*this);
  return true;
}

SendRequest Stream::Write::request() {
  const int fd = stream_.cancelled_ ? -1 : stream_.fd();
  if (!encoded_) return {fd, pieces_[0].iov_base, pieces_[0].iov_len, stream_.send_flags(expect_more_)};
  const std::span<const char> output = stream_.codec_->output();
  return {fd, output.data(), output.size(), stream_.send_flags(expect_more_)};
}

void Stream::Write::sent(ssize_t result) {
  const bool passing = result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ENOMEM;
  if (result < 0 && !passing && !stream_.cancelled_) {
    result_.error = static_cast<int>(-result);
    return complete();
  }
  if (result == -EAGAIN) stream_.writable_ = false;
  if (result > 0 && encoded_) {
    stream_.codec_->sent(static_cast<size_t>(result));
  } else if (result > 0) {
    drop_front(pieces_, static_cast<size_t>(result));
    result_.bytes += static_cast<size_t>(result);
  }
  // The remaining bytes are written by later attempts.
  if (attempt()) return complete();
  if (stream_.ensure_watched()) return restart_timeout();
  result_.error = errno;
  complete();
}

bool Stream::Write::attempt() {
  take_back();
  return note_written(stream_.try_write(pieces_, expect_more_));
}

bool Stream::SendFile::attempt() {
  const IoResult step =
      stream_.try_send_file(file_, static_cast<off_t>(offset_ + result_.bytes), size_ - result_.bytes);
  return note_written(step);
}

bool Stream::Connect::attempt() {
  if (stream_.cancelled_) {
    result_ = {0, ECANCELED};
    return true;
  }
  if (!started_) {
    started_ = true;
    Syscalls& syscalls = stream_.loop_.syscalls();
    UniqueFd fd(syscalls.socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      result_ = {0, errno};
      return true;
    }
    if (!address_.is_unix()) {
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int outcome = syscalls.connect(fd.get(), address_.data(), address_.length());
    // An interrupted connect() continues in the kernel; calling it again would only report that.
    result_ = {0, outcome == 0 ? 0 : errno == EINTR ? EINPROGRESS : errno};
    stream_.fd_ = std::move(fd);
    // EAGAIN on a Unix socket means that the listener's backlog is full; the caller treats it as a refusal.
    if (result_.error != EINPROGRESS) return true;
    stream_.writable_ = false;
    return false;
  }
  if (!stream_.writable_) return false;
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(stream_.fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  result_ = {0, error};
  return true;
}

}  // namespace portcullis

// The operations that coroutines await on a stream.
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

#include "runtime/stream.h"

namespace portcullis {

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

#include "runtime/stream.h"

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

}  // namespace portcullis

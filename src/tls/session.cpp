#include "tls/session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace portcullis::tls {

std::unique_ptr<Session> Session::make(SSL_CTX& context) {
  SslPointer ssl(SSL_new(&context));
  BIO* bio = ssl ? BIO_new(bio_method()) : nullptr;
  if (bio == nullptr) return nullptr;
  std::unique_ptr<Session> session(new Session(std::move(ssl)));
  BIO_set_data(bio, session.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl(), bio, bio);  // SSL_set_bio() takes ownership of `bio`
  return session;
}

Session& Session::of(const SSL& ssl) {
  return *static_cast<Session*>(BIO_get_data(SSL_get_rbio(&ssl)));
}

bool Session::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

BIO_METHOD* Session::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "portcullis stream");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int Session::bio_read(BIO* bio, char* data, int size) {
  auto& self = *static_cast<Session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!self.received_.empty()) {
    const size_t taken = self.received_.copy(data, static_cast<size_t>(size), self.received_read_);
    self.received_read_ += taken;
    if (self.received_read_ == self.received_.size()) self.received_ = {};
    return static_cast<int>(taken);
  }
  const IoResult got = self.stream_->read_raw(data, static_cast<size_t>(size));
  if (got.error == EAGAIN) {
    BIO_set_retry_read(bio);
    return -1;
  }
  self.read_error_ = got.error;
  return got.ok() ? static_cast<int>(got.bytes) : -1;
}

int Session::bio_write(BIO* bio, const char* data, int size) {
  auto& self = *static_cast<Session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto bytes = static_cast<size_t>(size);
  if (!self.output_) self.output_ = Block::take(Block::kLarge);
  if (self.room() < bytes) {
    // Only answers to the peer's handshake messages can be written without encode(), which reserves its own
    // space.
    Block larger = Block::take(self.end_ - self.begin_ + bytes);
    if (larger.capacity() > Block::kHuge) return -1;  // the peer makes this side answer but does not read
    std::memcpy(larger.data(), self.output_.data() + self.begin_, self.end_ - self.begin_);
    self.end_ -= self.begin_;
    self.begin_ = 0;
    self.output_ = std::move(larger);
  }
  std::memcpy(self.output_.data() + self.end_, data, bytes);
  self.end_ += bytes;
  return size;
}

long Session::bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void Session::offer_to_kernel() {
  if (offered_) return;
  // OpenSSL's own socket BIO can hand the keys to the kernel. No output waits to be sent at this point: the
  // peer has answered, or the connection has just begun.
  offered_ = SSL_set_wfd(ssl(), stream_->fd()) == 1;
}

// Checks whether the kernel has taken over encryption; otherwise OpenSSL continues to encrypt.
void Session::settle_writes() {
  if (!offered_) return;
  in_kernel_ = BIO_get_ktls_send(SSL_get_wbio(ssl()));
  if (in_kernel_) return;
  BIO* own = SSL_get_rbio(ssl());
  BIO_up_ref(own);
  SSL_set0_wbio(ssl(), own);
}

namespace {

// Clears errors of earlier calls from this thread's queue; they would be taken for errors of the next call.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

HandshakeResult cut_short(const IoResult& result) {
  return {false, false, result.error == ETIMEDOUT, std::strerror(result.error)};
}

}  // namespace

Task<HandshakeResult> Session::handshake(Stream& stream, SidePool* pool, Milliseconds timeout) {
  stream_ = &stream;
  const Clock::time_point deadline = stream.loop().now() + timeout;
  for (;;) {
    forget_errors();
    const int returned = SSL_do_handshake(ssl());
    const int error = returned == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl(), returned);
    HandshakeResult result;
    if (returned == 1) {
      established_ = true;
      settle_writes();
      starved_ = false;
      result.ok = true;
      co_return result;
    }
    if (error == SSL_ERROR_WANT_X509_LOOKUP && pool != nullptr) {
      std::function<bool()> work = [certificate = std::move(wanted_)] {
        return static_cast<bool>(certificate->load());
      };
      const auto read = co_await pool->run(stream.loop(), std::move(work));
      if (read) continue;
      broken_ = true;
      result.failure = "too many certificates are waiting to be read";
      co_return result;
    }
    if (error != SSL_ERROR_WANT_READ) {
      broken_ = true;
      const unsigned long first = ERR_peek_error();
      result.plain_http =
          ERR_GET_LIB(first) == ERR_LIB_SSL &&
          (ERR_GET_REASON(first) == SSL_R_HTTP_REQUEST || ERR_GET_REASON(first) == SSL_R_HTTPS_PROXY_REQUEST);
      result.failure =
          read_error_ != 0 ? std::strerror(read_error_) : take_error("the peer closed the connection");
    }
    const Milliseconds left = time_until(deadline, stream.loop());
    if (!output().empty()) {
      const IoResult written = co_await stream.write({}, left);
      if (!written.ok()) {
        broken_ = true;
        if (error == SSL_ERROR_WANT_READ) co_return cut_short(written);
      }
    }
    if (error != SSL_ERROR_WANT_READ) co_return result;
    const IoResult ready = co_await stream.readable(left);
    if (!ready.ok()) {
      broken_ = true;
      co_return cut_short(ready);
    }
  }
}

// Converts the result of a failed SSL_read.
IoResult Session::outcome_of(int returned) {
  switch (SSL_get_error(ssl(), returned)) {
    case SSL_ERROR_WANT_READ: starved_ = true; return {0, EAGAIN};
    case SSL_ERROR_ZERO_RETURN: ended_ = true; return {0, 0};
    default:
      // An end without close_notify is an error too: it must not be taken for the end of a message.
      ERR_clear_error();
      broken_ = true;
      return {0, read_error_ != 0 ? read_error_ : ECONNRESET};
  }
}

IoResult Session::decode(Stream& stream, char* data, size_t size) {
  stream_ = &stream;
  size_t total = 0;
  starved_ = false;
  forget_errors();
  while (total < size) {
    const int returned =
        SSL_read(ssl(), data + total, static_cast<int>(std::min<size_t>(size - total, INT_MAX)));
    if (returned <= 0) {
      // Data read so far is returned first; the error will occur again at the next read.
      const IoResult outcome = outcome_of(returned);
      return total > 0 ? IoResult{total, 0} : outcome;
    }
    total += static_cast<size_t>(returned);
    if (SSL_has_pending(ssl()) == 0) break;
  }
  return {total, 0};
}

bool Session::holds_input() const {
  return !starved_ && SSL_has_pending(ssl()) == 1;
}

bool Session::has_data(Stream& stream) {
  stream_ = &stream;
  char byte;
  forget_errors();
  starved_ = false;
  const int returned = SSL_peek(ssl(), &byte, 1);
  if (returned <= 0) outcome_of(returned);
  return returned > 0;
}

bool Session::encode(std::span<iovec>& pieces) {
  if (broken_ || finished_) return false;
  if (!output_) output_ = Block::take(Block::kLarge);
  forget_errors();
  // Small pieces are gathered into one record; large pieces are encrypted without this copy.
  thread_local std::array<char, kRecord> gathered;
  while (!pieces.empty() && room() >= kMaxRecord) {
    iovec& front = pieces.front();
    const char* data = static_cast<const char*>(front.iov_base);
    size_t size = std::min(front.iov_len, kRecord);
    if (pieces.size() > 1 && size < kRecord) {
      size = 0;
      for (const iovec& piece : pieces) {
        const size_t taken = std::min(piece.iov_len, kRecord - size);
        std::memcpy(gathered.data() + size, piece.iov_base, taken);
        size += taken;
        if (size == kRecord) break;
      }
      data = gathered.data();
    }
    const int returned = size == 0 ? 0 : SSL_write(ssl(), data, static_cast<int>(size));
    if (size > 0 && returned <= 0) {
      ERR_clear_error();
      broken_ = true;
      return false;
    }
    drop_front(pieces, size);
  }
  return true;
}

void Session::sent(size_t bytes) {
  begin_ += bytes;
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  output_.release();
}

void Session::finish() {
  if (finished_ || broken_ || !established_) return;
  finished_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl());
  ERR_clear_error();
}

std::string_view Session::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace portcullis::tls

#pragma once

#include <string>
#include <string_view>

#include "base/block_pool.h"
#include "runtime/side_pool.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "tls/certificates.h"
#include "tls/openssl.h"

struct bio_method_st;  // BIO_METHOD

namespace portcullis::tls {

// The result of a handshake.
struct HandshakeResult {
  bool ok = false;
  bool plain_http = false;  // the peer sent an unencrypted HTTP request
  bool timed_out = false;
  std::string failure;  // for logs
};

// TLS (RFC 8446, RFC 5246) on a stream, implemented with OpenSSL. It reads from the socket directly into
// OpenSSL's buffer, and collects records so that data written together is sent by one system call. The
// buffers exist only while they hold data. On the stream's loop thread.
class Session final : public StreamCodec {
 public:
  // Makes a session for the accepting or the connecting side; `context` decides which. Null when out of
  // memory.
  static std::unique_ptr<Session> make(SSL_CTX& context);

  // co_await: performs the handshake on `stream`, whose codec this session is. When it fails, an alert with
  // the reason has been sent. The last handshake messages may remain in the output, to be sent together with
  // the first write. `pool` reads certificate files that are needed and have not been read yet.
  Task<HandshakeResult> handshake(Stream& stream, SidePool* pool, Milliseconds timeout);
  // Bytes that were received before the session was made; OpenSSL reads them first.
  void begin_with(std::string_view received) { received_ = received; }
  // Called by the ClientHello callback: once the handshake has ended, the kernel encrypts written data if it
  // supports that (Linux's networking/tls.rst). Until then OpenSSL writes to the socket itself.
  void offer_to_kernel();
  // Called by the callback that chooses a certificate: the handshake continues once `certificate` has been
  // read.
  void want(std::shared_ptr<LazyCertificate> certificate) { wanted_ = std::move(certificate); }
  static Session& of(const SSL& ssl);

  SSL* ssl() const { return ssl_.get(); }
  // The protocol selected by ALPN; empty when none was selected.
  std::string_view protocol() const;
  bool resumed() const;

  // True when the kernel encrypts written data.
  bool in_kernel() const { return in_kernel_; }

  IoResult decode(Stream& stream, char* data, size_t size) override;
  bool holds_input() const override;
  bool has_data(Stream& stream) override;
  bool is_sound() const override { return !broken_ && !ended_; }
  bool is_broken() const override { return broken_; }
  bool encodes() const override { return !in_kernel_; }
  bool encode(std::span<iovec>& pieces) override;
  std::span<const char> output() const override { return {output_.data() + begin_, end_ - begin_}; }
  void sent(size_t bytes) override;
  void finish() override;

 private:
  explicit Session(SslPointer ssl) : ssl_(std::move(ssl)) {}

  static bio_method_st* bio_method();
  static int bio_read(BIO* bio, char* data, int size);
  static int bio_write(BIO* bio, const char* data, int size);
  static long bio_control(BIO* bio, int command, long, void*);
  IoResult outcome_of(int returned);
  void settle_writes();
  size_t room() const { return output_.capacity() - end_; }

  // The max plaintext of a record (RFC 8446 section 5.1), and the max size of an encrypted record.
  static constexpr size_t kRecord = 16 * 1024;
  static constexpr size_t kMaxRecord = kRecord + 512;

  SslPointer ssl_;
  std::string received_;      // bytes given to begin_with(), which are read before the socket
  size_t received_read_ = 0;  // how much of received_ has been read
  std::shared_ptr<LazyCertificate> wanted_;
  Stream* stream_ = nullptr;  // set while OpenSSL may read from the socket
  Block output_;
  size_t begin_ = 0;
  size_t end_ = 0;
  int read_error_ = 0;   // errno of the last read from the socket
  bool starved_ = true;  // OpenSSL's buffer holds no whole record
  bool broken_ = false;  // writing is no longer possible
  bool established_ = false;
  bool offered_ = false;  // encryption was offered to the kernel
  bool in_kernel_ = false;
  bool ended_ = false;     // the peer has sent close_notify
  bool finished_ = false;  // this side has sent close_notify
};

}  // namespace portcullis::tls

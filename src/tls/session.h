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

// What became of a handshake.
struct HandshakeResult {
  bool ok = false;
  bool plain_http = false;  // the peer spoke HTTP without TLS
  bool timed_out = false;
  std::string failure;  // for a person
};

// TLS (RFC 8446, RFC 5246) on a stream, by OpenSSL. It reads from the socket straight into OpenSSL's buffer
// and collects records, so that what is written together leaves in one system call. The buffers exist only
// while something is in them.
class Session final : public StreamCodec {
 public:
  // For the side that accepts, or that connects; `context` decides which. Null when memory is short.
  static std::unique_ptr<Session> make(SSL_CTX& context);

  // co_await: the handshake, on the stream whose codec this is. When it fails the peer has been told why.
  // What is to be said last may be left in the output, to go with the first write.
  // Certificates that have to be read first are read by `pool`.
  Task<HandshakeResult> handshake(Stream& stream, SidePool* pool, Milliseconds timeout);
  // What has been received already, before the first of OpenSSL's reads.
  void begin_with(std::string_view received) { received_ = received; }
  // For the callback that sees the client's first message: from the handshake's end on the kernel encrypts
  // what is written, if it can (Linux's networking/tls.rst). Until then OpenSSL writes to the socket itself.
  void offer_to_kernel();
  // For the callback that chooses a certificate: the handshake goes on once this one has been read.
  void want(std::shared_ptr<LazyCertificate> certificate) { wanted_ = std::move(certificate); }
  static Session& of(const SSL& ssl);

  SSL* ssl() const { return ssl_.get(); }
  // What has been agreed on by ALPN; empty: nothing.
  std::string_view protocol() const;
  bool resumed() const;

  // The kernel encrypts.
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

  // A record's plaintext (RFC 8446 section 5.1) and what it takes when encrypted.
  static constexpr size_t kRecord = 16 * 1024;
  static constexpr size_t kLargestRecord = kRecord + 512;

  SslPointer ssl_;
  std::string received_;      // from elsewhere, and is to be read first
  size_t received_read_ = 0;  // of it
  std::shared_ptr<LazyCertificate> wanted_;
  Stream* stream_ = nullptr;  // while OpenSSL may read from it
  Block output_;
  size_t begin_ = 0;
  size_t end_ = 0;
  int read_error_ = 0;   // of the socket
  bool starved_ = true;  // what is buffered is no whole record
  bool broken_ = false;  // nothing can be written any more
  bool established_ = false;
  bool offered_ = false;  // to the kernel
  bool in_kernel_ = false;
  bool ended_ = false;     // the peer has said that it is done
  bool finished_ = false;  // we have
};

}  // namespace portcullis::tls

#pragma once

#include <memory>
#include <optional>

#include "base/intrusive_list.h"
#include "http/h2/session.h"
#include "http/input_buffer.h"
#include "http/message_stream.h"
#include "proxy/listener.h"
#include "proxy/snapshot.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "tls/peer_certificate.h"

namespace portcullis::proxy {

class WorkerContext;

// An object that is notified when the connection must end.
class DrainWatcher : public ListNode<DrainWatcher> {
 public:
  virtual void on_drain() = 0;

 protected:
  ~DrainWatcher() = default;
};

// The facts about a client that the gateway knows besides the bytes that the client sends.
struct ClientFacts {
  std::string_view peer{};  // the client's address, without the port
  uint16_t port = 0;
  bool is_secure = false;                                     // the client uses TLS
  bool asked_for_certificate = false;                         // the handshake asked for a certificate
  std::shared_ptr<const tls::PeerCertificate> certificate{};  // the verified certificate; may be null
  bool delays_drain = true;  // a draining worker waits for the requests of this client
};

// One client's connection: its stream, and the received bytes that belong to no exchange yet. The object is
// small, because a connection is idle most of the time: the buffer and the exchange exist only while there is
// a request.
class ClientConnection final : public ListNode<>, public Pooled {
 public:
  ClientConnection(WorkerContext& worker, std::shared_ptr<Listener> listener, UniqueFd fd,
                   const SocketAddress& peer);
  // Makes a connection without a socket: `channel` carries its bytes.
  ClientConnection(WorkerContext& worker, std::shared_ptr<Listener> listener,
                   std::unique_ptr<Channel> channel, const ClientFacts& facts);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  // Counts the connection for its client's address. False when the address has reached its limit.
  bool count_address();

  // Serves the connection from accept to close.
  static Task<void> serve(std::unique_ptr<ClientConnection> owned);
  // Asks the connection to end after the current exchange. An idle connection is kept for kLastCall, because
  // a request may be on its way, and closing the connection would lose it.
  void drain();
  // Ends the connection soon, if it is idle.
  void leave_if_idle();

  WorkerContext& worker() { return worker_; }
  const std::shared_ptr<Listener>& listener() const { return listener_; }
  ClientFacts facts() const;
  const ListenerSettings& settings() const { return *listener_->settings; }
  // For an exchange, which needs the same settings to its end.
  const std::shared_ptr<const ListenerSettings>& shared_settings() const { return listener_->settings; }
  // The settings for the message streams of this connection's requests.
  http::ServerStream::Settings message_settings() const {
    return {settings().limits, settings().timeouts.head, settings().timeouts.send};
  }
  // True when the connection must end after the current exchange.
  bool closing() const;
  // Calls watcher.on_drain() when drain() is called, unless `watcher` has been destroyed before.
  void watch_drain(DrainWatcher& watcher) { drain_watchers_.push_back(watcher); }

  Stream stream;
  http::InputBuffer input;

  // The verified certificate of the client; null when the client has sent none.
  const std::shared_ptr<const tls::PeerCertificate>& certificate() const { return certificate_; }
  // True when the handshake asked the client for a certificate, even if the client has sent none.
  bool asked_for_certificate() const { return asked_for_certificate_; }
  // True when the client uses TLS, to this gateway or to the load balancer before the gateway.
  bool is_secure() const { return stream.codec() != nullptr || proxied_tls_; }

  // The client's address, without the port: the other end of the connection, or the client that a PROXY
  // header names.
  std::string_view peer_text() const { return {peer_text_, peer_text_size_}; }
  uint16_t peer_port() const { return peer_port_; }

 private:
  enum class Begun : uint8_t { kNothing, kHttp1, kHttp2 };
  Task<Begun> begin();
  bool expects_proxy_header() const;
  Task<bool> read_proxy_header();
  Task<bool> shake_hands();
  [[gnu::cold]] Task<void> refuse_plain_http();
  Task<std::optional<bool>> chooses_http2();
  class Patience;
  Task<void> serve_http2();
  Task<void> serve_stream(std::unique_ptr<http::h2::Channel> channel);
  void begin_idle();
  bool end_idle(const IoResult& ready);
  Milliseconds idle_patience() const;
  Task<void> linger();

  static constexpr Milliseconds kLastCall{1'000};

  // The protocol that ALPN has chosen in the TLS handshake (RFC 7301).
  enum class Agreed : uint8_t { kNothing, kHttp1, kHttp2 };

  WorkerContext& worker_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<const tls::PeerCertificate> certificate_;
  std::optional<AddressCounts::Place> counted_;  // where the connection is counted; empty until then
  http::h2::Session* http2_ = nullptr;           // set while the connection speaks HTTP/2
  IntrusiveList<DrainWatcher, DrainWatcher> drain_watchers_;
  bool has_socket_ = true;
  bool delays_drain_ = true;
  bool idle_ = false;
  bool hurried_ = false;  // the idle connection has been asked to end
  bool proxied_tls_ = false;
  bool asked_for_certificate_ = false;
  Agreed agreed_ = Agreed::kNothing;
  uint16_t peer_port_;
  uint8_t peer_text_size_;
  char peer_text_[INET6_ADDRSTRLEN];
};

}  // namespace portcullis::proxy

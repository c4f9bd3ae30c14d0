// A client's connection that speaks HTTP/2. Each of its streams is an exchange; the exchanges run at the same
// time.

#include <cerrno>

#include "http/h2/server_stream.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

namespace portcullis::proxy {

using http::h2::Channel;
using http::h2::Session;

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The stream of one request, with the objects that its exchange needs.
struct StreamClient : Pooled {
  StreamClient(EventLoop& loop, std::unique_ptr<Channel> channel,
               const http::ServerStream::Settings& settings)
      : stream(loop), message(stream, *channel, settings) {
    channel->attach(stream);
    stream.set_channel(std::move(channel));
  }

  Stream stream;
  http::h2::ServerMessageStream message;
};

}  // namespace

// True when the client, whose first bytes have arrived, speaks HTTP/2. The choice of ALPN counts, whatever
// the client sends (RFC 9113 sections 3.2 and 3.4); without ALPN the client's first bytes decide
// (section 3.3). Empty when the client left before the gateway could decide.
Task<std::optional<bool>> ClientConnection::chooses_http2() {
  if (agreed_ != Agreed::kNothing) co_return agreed_ == Agreed::kHttp2;
  if (!settings().http2.enabled) co_return false;
  const Clock::time_point deadline = worker_.loop().now() + settings().timeouts.head;
  for (;;) {
    const std::string_view begin = input.content().substr(0, kPreface.size());
    if (!kPreface.starts_with(begin)) co_return false;
    if (begin.size() == kPreface.size()) co_return true;
    const std::span<char> room = input.room();
    const IoResult got = co_await stream.read(room.data(), room.size(), time_until(deadline, worker_.loop()));
    if (!got.ok() || got.bytes == 0) co_return std::nullopt;
    input.end += got.bytes;
  }
}

Task<void> ClientConnection::serve_stream(std::unique_ptr<Channel> channel) {
  const auto client = std::make_unique<StreamClient>(worker_.loop(), std::move(channel), message_settings());
  {
    const auto exchange = std::make_unique<Exchange>(Client{*this, client->message});
    co_await exchange->run();
  }
  client->stream.close();
}

// How long the client may be silent.
class ClientConnection::Patience {
 public:
  Patience(ClientConnection& client, Session& session) : client_(client), session_(session) {
    deadline_ = client.worker_.loop().now() + client.settings().timeouts.head;
  }

  // Called when the last stream has ended. Only requests keep a connection open; pings do not.
  void note_idle() {
    deadline_ = client_.worker_.loop().now() + client_.settings().timeouts.idle;
    if (!client_.closing()) return client_.stream.hurry_reader(client_.settings().timeouts.idle);
    if (refusing) client_.stream.hurry_reader(Milliseconds(0));
  }
  Milliseconds left() {
    const EventLoop& loop = client_.worker_.loop();
    if (!session_.within_head()) {
      head_deadline_ = loop.now() + client_.settings().timeouts.head;
      if (client_.closing() && !refusing) return kLastCall;
      return session_.open_channels() > 0 ? kForever : time_until(deadline_, loop);
    }
    return time_until(head_deadline_, loop);
  }

  bool refusing = false;  // new streams of the client are refused

 private:
  ClientConnection& client_;
  Session& session_;
  Clock::time_point deadline_;
  Clock::time_point head_deadline_{};
};

namespace {

http::h2::SessionSettings session_settings(const ListenerSettings& listener) {
  return {.streams = listener.http2.streams,
          .stream_window = listener.http2.stream_window,
          .connection_window = listener.http2.connection_window,
          .head_size = listener.limits.head_size,
          .field_count = listener.limits.field_count,
          .output = listener.limits.send_buffer,
          .send_timeout = listener.timeouts.send};
}

}  // namespace

Task<void> ClientConnection::serve_http2() {
  Session session(stream, Session::Side::kServer, session_settings(settings()));
  Patience patience(*this, session);
  TaskGroup exchanges;
  http2_ = &session;
  if (closing()) session.announce_end();
  session.on_idle([&patience] { patience.note_idle(); });
  bool open = session.receive(input.content());
  for (;;) {
    input.release();
    while (!open || !session.congested()) {
      std::unique_ptr<Channel> request = session.take_request();
      if (!request) break;
      Task<void> served = serve_stream(std::move(request));
      exchanges.spawn(std::move(served));
    }
    if (!open) break;
    if (session.congested()) {
      // The client does not read its responses. Until it does, the gateway begins no request and reads
      // nothing from the client.
      co_await session.relieved();
      if (session.ended()) break;
      continue;
    }
    const IoResult ready = co_await stream.readable(patience.left());
    if (ready.error == ETIMEDOUT && closing() && !patience.refusing) {
      // The client has had time to read the first GOAWAY, so it has stopped opening streams.
      patience.refusing = true;
      session.refuse_streams();
      if (session.open_channels() > 0) continue;
    }
    if (!ready.ok()) break;
    input.block = Block::take(Block::kLarge);
    const IoResult got = stream.try_read(input.block.data(), input.block.capacity());
    if (got.error == EAGAIN) continue;
    if (!got.ok() || got.bytes == 0) {
      session.end();
      break;
    }
    open = session.receive({input.block.data(), got.bytes});
  }
  if (session.flooded()) settings().metrics->http2_floods.fetch_add(1, std::memory_order_relaxed);
  if (open && !patience.refusing) session.refuse_streams();
  session.send_now();
  co_await session.sent();
  session.end();
  co_await exchanges.join();
  http2_ = nullptr;
}

}  // namespace portcullis::proxy

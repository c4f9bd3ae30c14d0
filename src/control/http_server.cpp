#include "control/http_server.h"

#include <utility>

namespace portcullis::control {

HttpServer::HttpServer(EventLoop& loop, UniqueFd socket, const HttpLimits& limits, Handler handler,
                       Greeting greeting, HttpHooks hooks)
    : service_{.loop = loop,
               .limits = limits,
               .handler = std::move(handler),
               .greeting = std::move(greeting),
               .hooks = std::move(hooks)} {
  acceptor_.emplace(loop, std::move(socket),
                    [this](UniqueFd fd, const SocketAddress& peer) { accept(std::move(fd), peer); });
}

void HttpServer::accept(UniqueFd fd, const SocketAddress& peer) {
  if (open_ >= service_.limits.connections) {
    if (service_.waiting.empty()) return;
    // The cancelled connection ends in the loop's next round, so the limit is exceeded for a moment.
    service_.waiting.pop_front().cancel();
  }
  Task<void> serving = serve(std::move(fd), peer.to_string());
  tasks_.spawn(std::move(serving));
}

Task<void> HttpServer::serve(UniqueFd fd, std::string peer) {
  struct Count {
    size_t& open;
    explicit Count(size_t& number) : open(number) { ++open; }
    ~Count() { --open; }
  } const count(open_);
  HttpConnection connection(service_, std::move(fd), std::move(peer));
  Task<void> serving = connection.serve();
  co_await serving;
}

void HttpServer::stop_accepting() {
  acceptor_.reset();
  service_.is_closing = true;
  service_.waiting.for_each(
      [](HttpConnection& connection) { connection.leave_if_idle(HttpConnection::kLastCall); });
}

void HttpServer::finish(Milliseconds max) {
  EventLoop& loop = service_.loop;
  stop_accepting();
  service_.waiting.for_each([](HttpConnection& connection) { connection.leave_if_idle(Milliseconds(0)); });
  const Clock::time_point deadline = loop.now() + max;
  while (open_ > 0 && loop.now() < deadline) loop.run_once(time_until(deadline, loop));
}

}  // namespace portcullis::control

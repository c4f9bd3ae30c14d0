#include "control/admin_server.h"

#include <vector>

#include "http/h1/head_parser.h"

namespace portcullis::control {
namespace {

constexpr Milliseconds kPatience{30'000};
constexpr size_t kMostConnections = 256;

std::string response(uint16_t status, std::string_view type, std::string_view body, bool head_only,
                     std::string_view extra = "") {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out += http::reason_phrase(status);
  out += "\r\ncontent-type: ";
  out += type;
  out += "\r\ncontent-length: " + std::to_string(body.size()) + "\r\ncache-control: no-store\r\n";
  out += extra;
  out += "\r\n";
  if (!head_only) out += body;
  return out;
}

}  // namespace

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, Sources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      acceptor_(
          loop, std::move(socket),
          [this](UniqueFd fd, const SocketAddress&) {
            if (open_ < kMostConnections) tasks_.spawn(serve(std::make_unique<Stream>(loop_, std::move(fd))));
          },
          [](int) {}) {}

std::string AdminServer::answer(std::string_view method, std::string_view path) const {
  const bool head = method == "HEAD";
  const bool known = path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!known) return response(404, "text/plain", "not found\n", head);
  if (method != "GET" && !head) return response(405, "text/plain", "", head, "allow: GET, HEAD\r\n");
  if (path == "/metrics") return response(200, "text/plain; version=0.0.4", sources_.metrics(), head);
  if (path == "/healthz") return response(200, "text/plain", "ok\n", head);
  return sources_.ready() ? response(200, "text/plain", "ready\n", head)
                          : response(503, "text/plain", "not ready\n", head);
}

Task<void> AdminServer::serve(std::unique_ptr<Stream> stream) {
  struct Count {
    size_t& open;
    explicit Count(size_t& number) : open(number) { ++open; }
    ~Count() { --open; }
  } const count(open_);
  std::vector<char> buffer(16 * 1024);
  size_t held = 0;
  for (;;) {
    http::RequestHead request;
    http::h1::RequestParser parser({.head_size = buffer.size(), .field_count = 100, .target_length = 4096});
    http::h1::ParseState state;
    while ((state = parser.parse({buffer.data(), held}, request)) == http::h1::ParseState::kNeedMore) {
      const IoResult got = co_await stream->read(buffer.data() + held, buffer.size() - held, kPatience);
      if (!got.ok() || got.bytes == 0) co_return;
      held += got.bytes;
    }
    const bool good = state == http::h1::ParseState::kDone;
    std::string out = good ? answer(request.method, request.path)
                           : response(http::h1::status_for(parser.error()), "text/plain", "", true);
    iovec piece{out.data(), out.size()};
    const IoResult written = co_await stream->write(std::span(&piece, 1), kPatience);
    if (!good || !written.ok() || !request.keep_alive || request.body.kind != http::BodyKind::kNone)
      co_return;
    std::copy(buffer.begin() + static_cast<ptrdiff_t>(parser.head_size()),
              buffer.begin() + static_cast<ptrdiff_t>(held), buffer.begin());
    held -= parser.head_size();
  }
}

}  // namespace portcullis::control

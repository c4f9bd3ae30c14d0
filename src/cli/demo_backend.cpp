#include "cli/demo_backend.h"

#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/block_pool.h"
#include "base/text.h"
#include "http/h1/chunked_decoder.h"
#include "http/h1/head_parser.h"
#include "runtime/acceptor.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::cli {
namespace {

std::string describe(const http::RequestHead& request, const std::string& name, uint64_t body_bytes) {
  std::string out = "{\"backend\": \"";
  append_json_escaped(out, name);
  out += "\", \"method\": \"";
  append_json_escaped(out, request.method);
  out += "\", \"target\": \"";
  append_json_escaped(out, request.target);
  out += "\", \"body_bytes\": " + std::to_string(body_bytes) + ", \"headers\": {";
  bool first = true;
  for (const http::Field& field : request.fields) {
    out += first ? "\"" : ", \"";
    first = false;
    append_json_escaped(out, to_lower(field.name));
    out += "\": \"";
    append_json_escaped(out, field.value);
    out += "\"";
  }
  return out + "}}\n";
}

// One client of the demo backend. Plain and whole: it reads the body to its end, then answers.
Task<void> serve(std::unique_ptr<Stream> stream, const std::string& name) {
  static constexpr Milliseconds kPatience{60'000};
  std::vector<char> buffer(256 * 1024);
  size_t held = 0;
  for (;;) {
    http::RequestHead request;
    http::h1::RequestParser parser(http::h1::HeadLimits{});
    for (;;) {
      const auto state = parser.parse({buffer.data(), held}, request);
      if (state == http::h1::ParseState::kFailed) co_return;
      if (state == http::h1::ParseState::kDone) break;
      const IoResult got = co_await stream->read(buffer.data() + held, buffer.size() - held, kPatience);
      if (!got.ok() || got.bytes == 0) co_return;
      held += got.bytes;
    }
    size_t used = parser.head_size();
    uint64_t body_bytes = 0;
    http::h1::ChunkedDecoder decoder;
    for (bool done = request.body.kind == http::BodyKind::kNone; !done;) {
      std::string_view input(buffer.data() + used, held - used);
      if (request.body.kind == http::BodyKind::kLength) {
        const auto taken = std::min<uint64_t>(request.body.length - body_bytes, input.size());
        body_bytes += taken;
        used += taken;
        done = body_bytes == request.body.length;
      } else {
        std::string_view data;
        auto result = http::h1::ChunkedDecoder::Result::kData;
        while ((result = decoder.next(input, data)) == http::h1::ChunkedDecoder::Result::kData)
          body_bytes += data.size();
        if (result == http::h1::ChunkedDecoder::Result::kFailed) co_return;
        used = held - input.size();
        done = result == http::h1::ChunkedDecoder::Result::kDone;
      }
      if (done) break;
      held = used = parser.head_size();  // the head stays: the answer shows it
      const IoResult got = co_await stream->read(buffer.data() + held, buffer.size() - held, kPatience);
      if (!got.ok() || got.bytes == 0) co_return;
      held += got.bytes;
    }
    const std::string body = describe(request, name, body_bytes);
    std::string answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
                         std::to_string(body.size()) + "\r\n\r\n";
    if (request.method != "HEAD") answer += body;
    iovec piece{answer.data(), answer.size()};
    const IoResult written = co_await stream->write(std::span(&piece, 1), kPatience);
    if (!written.ok() || !request.keep_alive) co_return;
    std::copy(buffer.begin() + static_cast<ptrdiff_t>(used), buffer.begin() + static_cast<ptrdiff_t>(held),
              buffer.begin());
    held -= used;
  }
}

class SignalWatcher final : public Watcher {
 public:
  explicit SignalWatcher(EventLoop& loop) : loop_(loop) {}
  void on_events(uint32_t) override { loop_.stop(); }

 private:
  EventLoop& loop_;
};

}  // namespace

int run_demo_backend(const std::string& text, const std::string& name) {
  const auto address = SocketAddress::parse(text);
  if (!address) {
    std::fprintf(stderr, "portcullis: %s\n", address.error().message.c_str());
    return 2;
  }
  auto socket = open_listening_socket(*address, 1024);
  if (!socket) {
    std::fprintf(stderr, "portcullis: %s\n", socket.error().message.c_str());
    return 1;
  }
  EventLoop loop;
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  UniqueFd signals(::signalfd(-1, &stop_signals, SFD_NONBLOCK | SFD_CLOEXEC));
  SignalWatcher on_signal(loop);
  loop.watch(signals.get(), EPOLLIN, on_signal);
  TaskGroup tasks;
  Acceptor acceptor(
      loop, std::move(*socket),
      [&](UniqueFd fd, const SocketAddress&) {
        tasks.spawn(serve(std::make_unique<Stream>(loop, std::move(fd)), name));
      },
      [](int) {});
  std::fprintf(stderr, "portcullis: demo backend %s listening on %s\n", name.c_str(),
               SocketAddress::of_socket(acceptor.fd()).to_string().c_str());
  loop.run();
  return 0;
}

}  // namespace portcullis::cli

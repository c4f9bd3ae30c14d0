#include "http/h1/small_server.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "http/date.h"
#include "http/h1/chunked_decoder.h"
#include "http/h1/head_parser.h"

namespace portcullis::http::h1 {
namespace {

constexpr Milliseconds kPatience{60'000};  // between two reads of a body, or two writes of an answer
// For a whole head, from its first byte or the connection's begin.
constexpr Milliseconds kHeadPatience{10'000};
constexpr Milliseconds kIdlePatience{60'000};  // between two requests

std::string serialise(const SmallAnswer& answer, bool with_body, bool last) {
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  out += reason_phrase(answer.status);
  (out += "\r\ndate: ") += current_date();
  out += "\r\ncontent-type: " + answer.content_type;
  if (answer.stream || last) out += "\r\nconnection: close";
  if (!answer.stream && answer.status != 204) {
    out += "\r\ncontent-length: " + std::to_string(answer.body.size());
  }
  out += "\r\ncache-control: no-store\r\n" + answer.fields + "\r\n";
  if (with_body && !answer.stream) out += answer.body;
  return out;
}

}  // namespace

// The buffer of one connection. A request head stays at its place while the body passes through behind it.
struct SmallServer::Connection : ListNode<> {
  static constexpr size_t kSize = 256 * 1024;

  Stream stream;
  // Not initialised, so the kernel provides memory only when bytes arrive.
  std::unique_ptr<char[]> buffer{new char[kSize]};
  size_t begin = 0;
  size_t end = 0;

  Connection(EventLoop& loop, UniqueFd fd) : stream(loop, std::move(fd)) {}

  std::string_view content() const { return {buffer.get() + begin, end - begin}; }

  // Receives more bytes. False when the peer has closed, the timeout has passed, or the buffer is full.
  Task<bool> receive(Milliseconds patience) {
    const IoResult got = co_await stream.read(buffer.get() + end, kSize - end, patience);
    end += got.bytes;
    co_return got.ok() && got.bytes > 0;
  }

  // Moves the bytes after the request to the front of the buffer.
  void next_request() {
    std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    end -= begin;
    begin = 0;
  }

  // Reads the whole body and keeps its first `most_kept` bytes. False when the body is incomplete.
  Task<bool> receive_body(const BodyFraming& framing, size_t most_kept, std::string& kept, uint64_t& bytes) {
    const size_t head_end = begin;
    ChunkedDecoder decoder;
    for (bool done = framing.kind == BodyKind::kNone; !done;) {
      std::string_view input = content();
      std::string_view data;
      if (framing.kind == BodyKind::kLength) {
        data = input.substr(0, static_cast<size_t>(std::min<uint64_t>(framing.length - bytes, input.size())));
        input.remove_prefix(data.size());
        done = bytes + data.size() == framing.length;
      } else {
        const auto result = decoder.next(input, data);
        if (result == ChunkedDecoder::Result::kFailed) co_return false;
        done = result == ChunkedDecoder::Result::kDone;
      }
      bytes += data.size();
      kept += data.substr(0, std::min(data.size(), most_kept - kept.size()));
      begin = end - input.size();
      if (done || begin != end) continue;
      begin = end = head_end;
      if (!co_await receive(kPatience)) co_return false;
    }
    co_return true;
  }
};

SmallServer::SmallServer(EventLoop& loop, UniqueFd socket, Limits limits, Handler handler, Greeting greeting)
    : loop_(loop), limits_(limits), handler_(std::move(handler)), greeting_(std::move(greeting)) {
  acceptor_.emplace(loop, std::move(socket),
                    [this](UniqueFd fd, const SocketAddress&) { accept(std::move(fd)); });
}

void SmallServer::accept(UniqueFd fd) {
  if (open_ >= limits_.connections) {
    if (waiting_.empty()) return;
    // The cancelled connection ends before the loop handles other events.
    waiting_.pop_front().stream.cancel();
  }
  tasks_.spawn(serve(std::move(fd)));
}

Task<void> SmallServer::serve(UniqueFd fd) {
  struct Count {
    size_t& open;
    explicit Count(size_t& number) : open(number) { ++open; }
    ~Count() { --open; }
  } const count(open_);
  const std::string peer = SocketAddress::of_peer(fd.get()).to_string();
  Connection connection(loop_, std::move(fd));
  Task<void> serving = serve(connection, peer);
  co_await serving;
}

Task<void> SmallServer::serve(Connection& connection, const std::string& peer) {
  waiting_.push_back(connection);
  Clock::time_point deadline = loop_.now() + kHeadPatience;
  if (greeting_) {
    Task<bool> greeting = greeting_(connection.stream);
    if (!co_await greeting) co_return;
  }
  for (;;) {
    RequestHead head;
    RequestParser parser(HeadLimits{});
    ParseState state;
    if (!connection.linked()) waiting_.push_back(connection);
    while ((state = parser.parse(connection.content(), head)) == ParseState::kNeedMore) {
      const bool idle = connection.content().empty();
      if (!co_await connection.receive(time_until(deadline, loop_))) co_return;
      if (idle) deadline = std::min(deadline, loop_.now() + kHeadPatience);
    }
    connection.unlink();
    SmallAnswer answer;
    if (state == ParseState::kDone) {
      connection.begin += parser.head_size();
      std::string kept;
      uint64_t bytes = 0;
      if (!co_await connection.receive_body(head.body, limits_.kept_body, kept, bytes)) co_return;
      const SmallRequest request{head, kept, bytes, peer};
      answer = co_await handler_(request);
    } else {
      answer.status = status_for(parser.error());
    }
    const std::string out =
        serialise(answer, state == ParseState::kDone && head.method != "HEAD", !acceptor_);
    iovec piece{const_cast<char*>(out.data()), out.size()};
    const IoResult written = co_await connection.stream.write(std::span(&piece, 1), kPatience);
    if (!written.ok() || state != ParseState::kDone) co_return;
    if (answer.stream && head.method != "HEAD") {
      Task<void> streaming = answer.stream(connection.stream);
      co_await streaming;
    }
    if (answer.stream || !head.keep_alive || !acceptor_) co_return;
    connection.next_request();
    deadline = loop_.now() + (connection.content().empty() ? kIdlePatience : kHeadPatience);
  }
}

}  // namespace portcullis::http::h1

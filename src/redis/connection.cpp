#include "redis/connection.h"

#include <array>
#include <cerrno>

namespace portcullis::redis {

Task<Status> Connection::receive(Milliseconds timeout) {
  // Shared by all connections of the thread: it holds bytes only until the reader has them.
  thread_local std::array<char, 16 * 1024> buffer;
  for (;;) {
    const IoResult got = stream.try_read(buffer.data(), buffer.size());
    if (got.error == EAGAIN) {
      const IoResult waited = co_await stream.readable(timeout);
      if (waited.ok()) continue;
      co_return Error{waited.error == ETIMEDOUT ? "the server does not answer" : "the connection was closed"};
    }
    if (!got.ok() || got.bytes == 0) co_return Error{"the connection was lost"};
    reader.feed({buffer.data(), got.bytes});
    if (!reader.fault().empty()) co_return Error{std::string(reader.fault())};
    co_return Status();
  }
}

Task<Result<std::vector<Reply>>> Connection::ask(Request request, Milliseconds timeout) {
  iovec piece{request.bytes.data(), request.bytes.size()};
  const IoResult sent = co_await stream.write(std::span(&piece, 1), timeout);
  if (!sent.ok()) co_return Error{"the connection was lost"};
  std::vector<Reply> out;
  for (;;) {
    while (out.size() < request.replies) {
      std::optional<Reply> reply = reader.next();
      if (!reply) break;
      out.push_back(std::move(*reply));
    }
    if (!reader.fault().empty()) co_return Error{std::string(reader.fault())};
    if (out.size() == request.replies) co_return out;
    if (const Status received = co_await receive(timeout); !received) co_return received.error();
  }
}

}  // namespace portcullis::redis

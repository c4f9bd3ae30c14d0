#pragma once

#include <vector>

#include "base/result.h"
#include "redis/reply_reader.h"
#include "redis/request.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::redis {

// A connection to a Redis server. On the loop's thread.
class Connection {
 public:
  explicit Connection(EventLoop& loop) : stream(loop) {}

  Stream stream;
  ReplyReader reader;

  // Waits for bytes of the server and gives them to the reader. The error says how the connection has ended.
  Task<Status> receive(Milliseconds timeout);
  // Sends the commands and waits for all replies, while nothing else uses the connection. `timeout` is for
  // the sending and for each wait.
  Task<Result<std::vector<Reply>>> ask(Request request, Milliseconds timeout);
};

}  // namespace portcullis::redis

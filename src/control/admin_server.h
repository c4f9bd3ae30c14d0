#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/acceptor.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::control {

// The admin listener: GET /metrics, /healthz (the process runs), /readyz (it serves and is not draining).
// Runs on the control thread's loop, apart from the workers.
class AdminServer {
 public:
  struct Sources {
    std::function<std::string()> metrics;
    std::function<bool()> ready;
  };

  // Takes over an open listening socket.
  AdminServer(EventLoop& loop, UniqueFd socket, Sources sources);

 private:
  Task<void> serve(std::unique_ptr<Stream> stream);
  std::string answer(std::string_view method, std::string_view path) const;

  EventLoop& loop_;
  Sources sources_;
  size_t open_ = 0;
  TaskGroup tasks_;
  Acceptor acceptor_;
};

}  // namespace portcullis::control

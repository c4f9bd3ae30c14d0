#pragma once

#include <functional>
#include <string>

#include "http/h1/small_server.h"

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
  http::h1::SmallAnswer answer(const http::h1::SmallRequest& request) const;

  Sources sources_;
  http::h1::SmallServer server_;
};

}  // namespace portcullis::control

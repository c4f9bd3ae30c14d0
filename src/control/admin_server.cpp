#include "control/admin_server.h"

namespace portcullis::control {

using http::h1::SmallAnswer;
using http::h1::SmallRequest;

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, Sources sources)
    : sources_(std::move(sources)),
      server_(loop, std::move(socket), {}, [this](const SmallRequest& request) { return answer(request); }) {}

SmallAnswer AdminServer::answer(const SmallRequest& request) const {
  const std::string_view path = request.head.path;
  const std::string_view method = request.head.method;
  if (path != "/metrics" && path != "/healthz" && path != "/readyz")
    return {.status = 404, .body = "not found\n"};
  if (method != "GET" && method != "HEAD") return {.status = 405, .fields = "allow: GET, HEAD\r\n"};
  if (path == "/metrics") return {.content_type = "text/plain; version=0.0.4", .body = sources_.metrics()};
  if (path == "/healthz") return {.body = "ok\n"};
  if (!sources_.ready()) return {.status = 503, .body = "not ready\n"};
  return {.body = "ready\n"};
}

}  // namespace portcullis::control

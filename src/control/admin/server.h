#pragma once

#include <cstdint>
#include <memory>

#include "config/model.h"
#include "control/admin/api.h"
#include "control/admin/endpoints.h"
#include "control/admin/guard.h"
#include "http/h1/small_server.h"
#include "tls/server_context.h"

namespace portcullis::control {

// Serves the admin listener: the dashboard's files at /, and the API. Decides who may ask, and adds the
// header fields that protect the dashboard. Runs on the control thread's loop, apart from the workers.
class AdminServer {
 public:
  // Takes over an open listening socket. `tls` may be null: plain HTTP. `operations` outlives this object.
  AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
              std::shared_ptr<const tls::ServerContext> tls, Operations& operations);

  int fd() const { return server_.fd(); }  // -1 when it accepts no more
  // Another process serves at this address from now on.
  void stop_accepting() { server_.stop_accepting(); }
  // From now on these are the tokens and names; when they are others, who has logged in does so again. `tls`
  // as above.
  void change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls);

 private:
  using Request = http::h1::SmallRequest;
  using Answer = http::h1::SmallAnswer;

  Task<bool> greet(Stream& stream);
  Task<Answer> answer(const Request& request);
  Task<Answer> perform(const Endpoint& endpoint, const Request& request, const AdminGuard::Caller& caller);

  EventLoop& loop_;
  std::shared_ptr<const tls::ServerContext> tls_;
  config::Admin settings_;
  AdminGuard guard_;
  uint64_t guards_ = 0;  // how many there have been
  AdminApi api_;
  http::h1::SmallServer server_;
};

}  // namespace portcullis::control

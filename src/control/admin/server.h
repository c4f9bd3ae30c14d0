#pragma once

#include <cstdint>
#include <memory>

#include "config/model.h"
#include "control/admin/call_table.h"
#include "control/admin/guard.h"
#include "control/admin/live_feed.h"
#include "control/http_server.h"
#include "control/operations.h"
#include "tls/server_context.h"

namespace portcullis::control {

// Serves the admin listener: the files of the dashboard at /, and the calls of the API. Checks the access
// rights of each request, before its body is read, and adds the header fields that protect the dashboard.
// Runs on the loop of the control thread, apart from the workers.
class AdminServer {
 public:
  // Takes over an open listening socket. Serves plain HTTP when `tls` is null. `operations` outlives this
  // object.
  AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
              std::shared_ptr<const tls::ServerContext> tls, Operations& operations);

  int fd() const { return server_.fd(); }  // -1 after stop_accepting()
  // Called when another process serves at this address from now on.
  void stop_accepting() { server_.stop_accepting(); }
  // Called when the process is about to end: ends the streams of events, and runs the loop until all answers
  // have been sent, at most for a second.
  void finish();
  // Uses the tokens, names and certificates of `settings` from now on. When tokens or names have changed, all
  // sessions end. Serves plain HTTP when `tls` is null.
  void change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls);

 private:
  using Request = ServerRequest;
  using Answer = ServerAnswer;

  Task<bool> greet(Stream& stream);
  void end_streams();
  HttpAdmission admit(const http::RequestHead& head);
  Answer refuse_body(uint16_t status, const http::RequestHead& head) const;
  std::optional<Answer> refuse(const http::RequestHead& head, const CallTable::Found& found, Caller& caller);
  Task<Answer> answer(const Request& request);
  Task<Answer> perform(const CallTable::Found& found, const Request& request, const Caller& caller);
  // Adds the fields that all answers have.
  Answer finished(Answer answer, std::string_view path) const;

  EventLoop& loop_;
  std::shared_ptr<const tls::ServerContext> tls_;
  config::Admin settings_;
  AdminGuard guard_;
  uint64_t guards_ = 0;  // the number of guards so far
  Operations& operations_;
  LiveFeed feed_;
  const AdminWorld world_{operations_, feed_, operations_.events(), guard_};
  HttpServer server_;
};

}  // namespace portcullis::control

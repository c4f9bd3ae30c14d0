#include "control/admin/server.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/json_text.h"
#include "control/admin/web_files.h"

namespace portcullis::control {

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
                         std::shared_ptr<const tls::ServerContext> tls, Operations& operations)
    : loop_(loop),
      tls_(std::move(tls)),
      settings_(settings),
      guard_(loop, settings),
      api_(loop, operations),
      server_(
          loop, std::move(socket), {}, [this](const ServerRequest& request) { return answer(request); },
          [this](Stream& stream) { return greet(stream); }) {}

void AdminServer::change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls) {
  tls_ = std::move(tls);
  const bool same = settings.tokens == settings_.tokens && settings.hosts == settings_.hosts &&
                    settings.tls.enabled() == settings_.tls.enabled();
  if (same) return;
  settings_ = settings;
  guard_ = AdminGuard(loop_, settings);
  ++guards_;
}

void AdminServer::finish() {
  static constexpr Milliseconds kMaxWait{1'000};
  ++guards_;  // ends the streams, as another guard does
  api_.wake_streams();
  server_.finish(kMaxWait);
}

Task<bool> AdminServer::greet(Stream& stream) {
  static constexpr Milliseconds kPatience{10'000};
  if (!tls_) co_return true;
  const std::shared_ptr<const tls::ServerContext> context = tls_;
  std::unique_ptr<tls::Session> made = context->make_session();
  if (!made) co_return false;
  tls::Session& session = *made;
  stream.set_codec(std::move(made));
  const tls::HandshakeResult result = co_await session.handshake(stream, nullptr, kPatience);
  if (!result.ok) co_return false;
  const IoResult flushed = co_await stream.write({}, kPatience);
  co_return flushed.ok();
}

Task<ServerAnswer> AdminServer::answer(const ServerRequest& request) {
  // A browser may load only the dashboard's own files, must not show the dashboard in a frame, and must not
  // guess content types.
  static constexpr std::string_view kDefence =
      "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
      "data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
      "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
      "cross-origin-resource-policy: same-origin\r\ncross-origin-opener-policy: same-origin\r\n";
  const std::string_view method = request.head.method;
  const bool looks = method == "GET" || method == "HEAD";
  const WebFile* file = find_web_file(request.head.path);
  const Endpoint* endpoint = find_endpoint(request.head.path);
  ServerAnswer out;
  AdminGuard::Caller caller;
  const bool changes = endpoint != nullptr && endpoint->what == Endpoint::What::kChange;
  const bool open = file != nullptr || (endpoint != nullptr && endpoint->open());
  if (auto refusal = guard_.refuse(request, changes, open, caller)) {
    out = std::move(*refusal);
  } else if (file == nullptr && endpoint == nullptr) {
    out = {.status = 404, .body = "not found\n"};
  } else if (endpoint != nullptr && endpoint->by_post() ? method != "POST" : !looks) {
    const bool post = endpoint != nullptr && endpoint->by_post();
    out = {.status = 405, .fields = post ? "allow: POST\r\n" : "allow: GET, HEAD\r\n"};
  } else if (file != nullptr) {
    out = {.content_type = std::string(file->content_type), .body = std::string(file->content)};
  } else {
    Task<ServerAnswer> performing = perform(*endpoint, request, caller);
    out = co_await performing;
  }
  out.fields += kDefence;
  co_return out;
}

// Answers the endpoints of the guard (login, logout, session), and passes the others to the API.
Task<ServerAnswer> AdminServer::perform(const Endpoint& endpoint, const ServerRequest& request,
                                        const AdminGuard::Caller& caller) {
  ServerAnswer out;
  if (endpoint.what == Endpoint::What::kLogIn) {
    Task<ServerAnswer> logging_in = guard_.log_in(request);
    out = co_await logging_in;
  } else if (endpoint.what == Endpoint::What::kLogOut) {
    out = guard_.log_out(request);
  } else if (endpoint.what == Endpoint::What::kSession) {
    const nlohmann::json session{{"name", caller.name}, {"may_change", caller.may_change}};
    out = {.content_type = "application/json", .body = json_text(session) + "\n"};
  } else {
    const std::string by = "admin " + (caller.name.empty() ? "" : caller.name + " ") + request.peer;
    // The present guard has accepted the caller; the stream ends when another guard takes its place.
    std::function<bool()> may_stream = [this, guards = guards_] { return guards == guards_; };
    Task<ServerAnswer> answering = api_.answer(endpoint, request, by, std::move(may_stream));
    out = co_await answering;
  }
  co_return out;
}

}  // namespace portcullis::control

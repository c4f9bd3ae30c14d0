#include "control/admin/server.h"

#include <utility>

#include "control/admin/call_check.h"
#include "control/admin/problem.h"
#include "control/admin/web_files.h"

namespace portcullis::control {
namespace {

// True for the paths whose answers have the number of the revision.
bool is_versioned(std::string_view path) {
  return path == "/v1" || path.starts_with("/v1/");
}

CallTable::Found find_call(const http::RequestHead& head) {
  return admin_calls().find(head.method, head.path);
}

uint64_t max_body_of(const Call* call) {
  return call != nullptr && call->body ? call->body->max_bytes : Call::kSmallBody;
}

}  // namespace

AdminServer::AdminServer(EventLoop& loop, UniqueFd socket, const config::Admin& settings,
                         std::shared_ptr<const tls::ServerContext> tls, Operations& operations)
    : loop_(loop),
      tls_(std::move(tls)),
      settings_(settings),
      guard_(loop, settings),
      operations_(operations),
      feed_(loop, operations.metrics(), operations.live()),
      server_(
          loop, std::move(socket), {}, [this](const ServerRequest& request) { return answer(request); },
          [this](Stream& stream) { return greet(stream); },
          {.admit = [this](const http::RequestHead& head, const std::string&) { return admit(head); },
           .refuse = [this](uint16_t status,
                            const http::RequestHead& head) { return refuse_body(status, head); }}) {}

void AdminServer::change(const config::Admin& settings, std::shared_ptr<const tls::ServerContext> tls) {
  tls_ = std::move(tls);
  const bool same = settings.tokens == settings_.tokens && settings.hosts == settings_.hosts &&
                    settings.tls.enabled() == settings_.tls.enabled();
  if (same) return;
  settings_ = settings;
  guard_ = AdminGuard(loop_, settings);
  end_streams();
}

void AdminServer::finish() {
  static constexpr Milliseconds kMaxWait{1'000};
  end_streams();
  server_.finish(kMaxWait);
}

// Ends the streams that began before.
void AdminServer::end_streams() {
  ++guards_;
  feed_.wake();
  operations_.events().wake();
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

// Requests without the right are refused before their bodies take memory.
HttpAdmission AdminServer::admit(const http::RequestHead& head) {
  const CallTable::Found found = find_call(head);
  HttpAdmission out{.max_body = max_body_of(found.call)};
  Caller caller;
  out.refusal = refuse(head, found, caller);
  if (out.refusal) out.refusal = finished(std::move(*out.refusal), head.path);
  return out;
}

ServerAnswer AdminServer::refuse_body(uint16_t status, const http::RequestHead& head) const {
  std::string detail = "the body is not framed as HTTP demands";
  std::string fields;
  if (status == 413) {
    detail = "the body is larger than " + std::to_string(max_body_of(find_call(head).call)) + " bytes";
  } else if (status == 408) {
    detail = "the body did not arrive in time";
  } else if (status == 503) {
    detail = "the bodies of other requests take the memory: try again";
    fields = "retry-after: 1\r\n";
  }
  return finished(refuse_call(status, detail, fields), head.path);
}

// The answer to a request that the caller may not make, or that no call takes.
std::optional<ServerAnswer> AdminServer::refuse(const http::RequestHead& head, const CallTable::Found& found,
                                                Caller& caller) {
  const bool is_file = find_web_file(head.path) != nullptr;
  std::optional<config::AdminRole> needed = config::AdminRole::kViewer;
  if (is_file) needed = std::nullopt;
  if (found.call != nullptr) needed = found.call->role;
  if (auto refusal = guard_.refuse(head, needed, caller)) return refusal;
  if (is_file && head.method != "GET" && head.method != "HEAD")
    return refuse_call(405, "the page can only be read", "allow: GET, HEAD\r\n");
  if (is_file || found.call != nullptr) return std::nullopt;
  if (found.allow.empty()) return refuse_call(404, "there is no such call");
  return refuse_call(405, "the path takes " + found.allow, "allow: " + found.allow + "\r\n");
}

Task<ServerAnswer> AdminServer::answer(const ServerRequest& request) {
  const CallTable::Found found = find_call(request.head);
  const WebFile* file = find_web_file(request.head.path);
  ServerAnswer out;
  Caller caller;
  // The rights may have changed since the head of the request arrived.
  if (auto refusal = refuse(request.head, found, caller)) {
    out = std::move(*refusal);
  } else if (file != nullptr) {
    out = {.content_type = std::string(file->content_type), .body = std::string(file->content)};
  } else {
    Task<ServerAnswer> performing = perform(found, request, caller);
    out = co_await performing;
  }
  out = finished(std::move(out), request.head.path);
  co_return out;
}

Task<ServerAnswer> AdminServer::perform(const CallTable::Found& found, const ServerRequest& request,
                                        const Caller& caller) {
  Author author{
      .name = caller.name, .role = std::string(name_of(caller.role)), .address = request.peer, .message = ""};
  ServerAnswer out;
  if (auto refusal = refuse_request(*found.call, request, author.message)) {
    out = std::move(*refusal);
    co_return out;
  }
  // The present guard has accepted the caller; a stream ends when another guard takes its place.
  const std::function<bool()> may_stream = [this, guards = guards_] { return guards == guards_; };
  const CallRequest call{request, found.variables, caller, author, may_stream};
  Task<ServerAnswer> answering = found.call->handle(world_, call);
  out = co_await answering;
  co_return out;
}

ServerAnswer AdminServer::finished(ServerAnswer answer, std::string_view path) const {
  // A browser may load only the dashboard's own files, must not show the dashboard in a frame, and must not
  // guess content types.
  static constexpr std::string_view kDefence =
      "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
      "data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
      "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
      "cross-origin-resource-policy: same-origin\r\ncross-origin-opener-policy: same-origin\r\n";
  answer.fields += kDefence;
  if (is_versioned(path))
    answer.fields += "portcullis-revision: " + std::to_string(operations_.revision()) + "\r\n";
  return answer;
}

}  // namespace portcullis::control

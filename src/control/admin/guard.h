#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/admin.h"
#include "control/admin/caller.h"
#include "control/http_connection.h"
#include "crypto/digest.h"
#include "runtime/event_loop.h"

namespace portcullis::control {

// Decides which requests the admin listener accepts. Web pages in a browser on the operator's machine could
// send requests to the listener. Therefore a request without a bearer token must name the listener by an
// address, by `localhost`, or by a name that the configuration allows (DNS rebinding), and a request with a
// method other than GET and HEAD must come from a page of the listener itself, or from no page (CSRF).
// Control thread.
class AdminGuard {
 public:
  AdminGuard(EventLoop& loop, const config::Admin& admin);

  // The answer to a request that is refused; nothing when the request is accepted, and `caller` is then set.
  // `needed` is the role that the caller must have; nothing: the request needs no token.
  std::optional<ServerAnswer> refuse(const http::RequestHead& request,
                                     std::optional<config::AdminRole> needed, Caller& caller);
  // Handles POST /login with the token as the body: makes a session, whose cookie is not readable by scripts,
  // and sets `caller`. An answer to a wrong token is delayed.
  Task<ServerAnswer> log_in(const ServerRequest& request, Caller& caller);
  ServerAnswer log_out(const ServerRequest& request);

 private:
  struct Token {
    Caller holder;
    crypto::Digest256 digest;
  };
  struct Session {
    const Token* token;
    Clock::time_point until;
  };

  const Token* token_of(std::string_view presented) const;
  const Token* bearer_of(const http::RequestHead& request) const;
  const Token* session_of(const http::RequestHead& request);
  bool knows_host(std::string_view authority) const;
  std::string cookie(const std::string& id, long seconds) const;

  static constexpr std::chrono::hours kSessionLife{12};
  static constexpr size_t kMaxSessions = 256;
  static constexpr Milliseconds kPauseAfterWrongToken{500};

  EventLoop* loop_;
  std::vector<Token> tokens_;
  std::vector<std::string> hosts_;
  bool secure_;
  std::map<std::string, Session> sessions_;  // by the digest of the session id
};

}  // namespace portcullis::control

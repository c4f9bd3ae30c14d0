#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/admin.h"
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

  struct Caller {
    std::string name;  // the name of the token; empty when no token is needed
    bool may_change = true;
  };
  // The answer to a request that is refused; nothing when the request is accepted, and `caller` is then set
  // when a token was needed. `changes` is true for a request that changes the gateway, `open` for an endpoint
  // that needs no token.
  std::optional<ServerAnswer> refuse(const ServerRequest& request, bool changes, bool open, Caller& caller);
  // Handles POST /login with the token as the body: makes a session, whose cookie is not readable by scripts.
  // An answer to a wrong token is delayed.
  Task<ServerAnswer> log_in(const ServerRequest& request);
  ServerAnswer log_out(const ServerRequest& request);

 private:
  struct Token {
    std::string name;
    crypto::Digest256 digest;
    bool may_change;
  };
  struct Session {
    const Token* token;
    Clock::time_point until;
  };

  const Token* token_of(std::string_view presented) const;
  const Token* bearer_of(const ServerRequest& request) const;
  const Token* session_of(const ServerRequest& request);
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

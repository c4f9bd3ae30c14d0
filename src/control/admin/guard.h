#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/admin.h"
#include "crypto/digest.h"
#include "http/h1/small_server.h"
#include "runtime/event_loop.h"

namespace portcullis::control {

// Who may use the admin listener. Against pages of the web, which a browser on the operator's machine could
// let speak to it: a request must name the listener by an address, `localhost`, or a name that the
// configuration allows (DNS rebinding), and what changes something must come from a page of the listener's
// own, or from no page (CSRF). Control thread.
class AdminGuard {
 public:
  AdminGuard(EventLoop& loop, const config::Admin& admin);

  struct Caller {
    std::string name;  // of the token; empty: nobody has to show one
    bool may_change = true;
  };
  // What is to be answered to who may not; else nothing, and `caller` tells who it is. `changes`: it is more
  // than to look. `open`: anybody may.
  std::optional<http::h1::SmallAnswer> refuse(const http::h1::SmallRequest& request, bool changes, bool open,
                                              Caller& caller);
  // POST /login with the token as its body: a session, as a cookie that pages cannot read.
  Task<http::h1::SmallAnswer> log_in(const http::h1::SmallRequest& request);
  http::h1::SmallAnswer log_out(const http::h1::SmallRequest& request);

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
  const Token* bearer_of(const http::h1::SmallRequest& request) const;
  const Token* session_of(const http::h1::SmallRequest& request);
  bool knows_host(std::string_view authority) const;
  std::string cookie(const std::string& id, long seconds) const;

  static constexpr std::chrono::hours kSessionLife{12};
  static constexpr size_t kMaxSessions = 256;
  static constexpr Milliseconds kPauseAfterWrongToken{500};

  EventLoop* loop_;
  std::vector<Token> tokens_;
  std::vector<std::string> hosts_;
  bool secure_;
  std::map<std::string, Session> sessions_;  // by the digest of their id
};

}  // namespace portcullis::control

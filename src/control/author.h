#pragma once

#include <string>

namespace portcullis::control {

// The author of a change of the gateway, for the audit log.
struct Author {
  std::string name;       // of the token, `local` where no token is needed, `signal` or `files`
  std::string role{};     // of the token; empty unless the change was asked for by the admin API
  std::string address{};  // of the client of the admin API
  std::string message{};  // why, in the author's words (`Portcullis-Message`)
};

}  // namespace portcullis::control

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/config_choice.h"
#include "client/http_client.h"

namespace portcullis::cli {

// Which running gateway a command is for, and how to be let in: what its options say.
struct AdminChoice {
  ConfigChoice config;     // whose `admin` listener it is; or else:
  std::string address;     // `address:port` or `unix:/path`, with `https://` before it for TLS
  std::string token_file;  // empty: the variable PORTCULLIS_ADMIN_TOKEN, or no token
  std::string ca;          // PEM files, as HttpRequest has them; they may be empty
  std::string certificate, key;
};

// What a command that asks a gateway takes.
Operand admin_operand(AdminChoice& choice);
std::vector<Option> admin_options(AdminChoice& choice);
std::vector<Meaning> admin_variables();

// Asks a gateway's admin listener, and waits for the answers.
class AdminClient {
 public:
  // Nothing when the choice names no gateway, or its configuration or token file is not good: `failure` says
  // why.
  static std::optional<AdminClient> find(const AdminChoice& choice, Failure& failure);

  // `timeout`: for the whole answer. May be called any number of times.
  client::HttpResponse ask(const std::string& method, const std::string& path, Milliseconds timeout,
                           std::string body = "");
  const std::string& base() const { return base_; }

 private:
  AdminClient(const AdminChoice& choice, std::string token);

  std::string token_;  // empty: none
  std::string ca_, certificate_, key_;
  std::string base_;         // of URLs
  std::string unix_socket_;  // empty: none
  std::unique_ptr<EventLoop> loop_ = std::make_unique<EventLoop>();
  std::unique_ptr<client::HttpClient> http_ = std::make_unique<client::HttpClient>(*loop_);
};

// The failure to ask the gateway.
Failure cannot_ask(const std::string& why);

}  // namespace portcullis::cli

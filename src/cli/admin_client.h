#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/config_choice.h"
#include "client/http_client.h"

namespace portcullis::cli {

// Identifies the running gateway that a command asks, and the credentials for it: the values of the command's
// options.
struct AdminChoice {
  ConfigChoice config;     // the configuration whose `admin` listener is asked; or else `address`
  std::string address;     // `address:port` or `unix:/path`, with `https://` before it for TLS
  std::string token_file;  // empty: the token in the variable PORTCULLIS_ADMIN_TOKEN, or no token
  std::string ca;          // paths of PEM files, as in HttpRequest; may be empty
  std::string certificate, key;
};

// The operand and the options of a command that asks a gateway.
Operand admin_operand(AdminChoice& choice);
std::vector<Option> admin_options(AdminChoice& choice);
// The options of a command for which `--config` is no gateway: `--server`, and the credentials.
std::vector<Option> server_options(AdminChoice& choice);
std::vector<Meaning> admin_variables();

// Sends requests to a gateway's admin listener, and blocks until the answers arrive. Bodies are JSON.
class AdminClient {
 public:
  // Empty when the choice names no gateway, or when its configuration or token file cannot be used; `failure`
  // says why.
  static std::optional<AdminClient> find(const AdminChoice& choice, Failure& failure);

  // Sends a request, of which `url` is the path with its query: the client adds the address, the credentials
  // and the max size of the answer. `timeout` applies to the whole answer. May be called any number of times.
  client::HttpResponse send(client::HttpRequest request);
  // As send(), with a JSON document as the body, unless that is empty.
  client::HttpResponse ask(const std::string& method, const std::string& path, Milliseconds timeout,
                           std::string body = "");
  const std::string& base() const { return base_; }

 private:
  AdminClient(const AdminChoice& choice, std::string token);

  std::string token_;  // empty: no token
  std::string ca_, certificate_, key_;
  std::string base_;         // prefix of URLs
  std::string unix_socket_;  // empty: TCP
  std::unique_ptr<EventLoop> loop_ = std::make_unique<EventLoop>();
  std::unique_ptr<client::HttpClient> http_ = std::make_unique<client::HttpClient>(*loop_);
};

// Why the gateway has refused a request: `detail` of a problem (RFC 9457), or the beginning of another body.
std::string refusal_of(const client::HttpResponse& response);

// The failure of a command that cannot ask the gateway.
Failure cannot_ask(const std::string& why);

}  // namespace portcullis::cli

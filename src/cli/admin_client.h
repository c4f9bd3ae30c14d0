#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "client/http_client.h"

namespace portcullis::cli {

// Which running gateway a command is for, and how to be let in.
struct AdminPlace {
  std::string config_path;  // whose `admin` listener it is; or else:
  std::string address;      // `address:port` or `unix:/path`, with `https://` before it for TLS
  std::string token;        // empty: none
  std::string ca;           // PEM files, as HttpRequest has them; they may be empty
  std::string certificate, key;
};

// Asks a gateway's admin listener, and waits for the answers.
class AdminClient {
 public:
  // An error: nobody is named.
  static Result<AdminClient> find(const AdminPlace& place);

  // `patience`: for the whole answer.
  client::HttpResponse ask(const std::string& method, const std::string& path, Milliseconds patience);
  const std::string& base() const { return base_; }

 private:
  explicit AdminClient(AdminPlace place);

  AdminPlace place_;
  std::string base_;         // of URLs
  std::string unix_socket_;  // empty: none
  std::unique_ptr<EventLoop> loop_ = std::make_unique<EventLoop>();
  std::unique_ptr<client::HttpClient> http_ = std::make_unique<client::HttpClient>(*loop_);
};

// Says on standard error that the gateway cannot be asked, and why; the command's exit code.
int cannot_ask(const std::string& why);

}  // namespace portcullis::cli

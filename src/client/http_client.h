#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis::client {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
  std::string unix_socket{};  // a path, where that is where the server is; empty: the URL says
  std::string ca_file{};      // PEM; empty: the system's
  Milliseconds timeout{5'000};
  size_t most_bytes = 1 << 20;                 // of the response's body
  std::string certificate_file{}, key_file{};  // to show who asks, PEM; empty: nobody
  // For an answer without an end: gets the body as it comes, and says whether to go on. The response then has
  // none.
  std::function<bool(std::string_view)> goes_on{};
};

struct HttpResponse {
  std::string error;  // why there is no response, without times and counts; empty: there is one
  bool timed_out = false;
  bool too_large =
      false;  // its body was, which is why there is an error; status and fields are those that came
  long status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  bool ok() const { return error.empty() && status >= 200 && status < 300; }
  std::string_view value_of(std::string_view name) const;
};

// For a part of a URL (RFC 3986 section 2.1).
std::string percent_encode(const std::string& text);

// Asks other servers on the gateway's own behalf: key sets, authorization services. HTTPS with verification,
// HTTP/2 and connections kept for the next request, through libcurl. Redirects are not followed. One thread,
// that of its loop, which outlives it.
class HttpClient {
 public:
  explicit HttpClient(EventLoop& loop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The frame may be destroyed while it waits: the request is then given up.
  Task<HttpResponse> fetch(HttpRequest request);

 private:
  class Transfer;
  class Socket;
  class Timeout final : public Timer {
   public:
    explicit Timeout(HttpClient& client) : client_(client) {}
    void fire() override;

   private:
    HttpClient& client_;
  };

  static int on_socket(void* easy, int fd, int what, void* self, void* known);
  static int on_timer(void* multi, long milliseconds, void* self);
  void act(int fd, int events);
  void finish_transfers();

  static constexpr int kTimeoutSocket = -1;
  EventLoop& loop_;
  void* multi_;
  Timeout timeout_{*this};
  std::map<int, std::unique_ptr<Socket>> sockets_;
};

}  // namespace portcullis::client

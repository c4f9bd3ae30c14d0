#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/event_loop.h"
#include "runtime/task.h"

namespace portcullis {
struct CurlLibrary;
}

namespace portcullis::client {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> fields{};
  std::string body{};
  std::string unix_socket{};  // path of a Unix socket to connect to; empty: connect to the URL's host
  std::string ca_file{};      // PEM; empty: the system's certificate authorities
  Milliseconds timeout{5'000};
  size_t max_bytes = 1 << 20;                  // max size of the response's body
  std::string certificate_file{}, key_file{};  // client certificate, PEM; empty: none
  // For an answer that does not end: receives the body piece by piece, and returns whether to continue.
  // `body` of the response stays empty.
  std::function<bool(std::string_view)> goes_on{};
};

struct HttpResponse {
  std::string error;  // why there is no response, without times and counts; empty on success
  bool timed_out = false;
  // The body exceeded max_bytes, which is also the error; status and fields are valid.
  bool too_large = false;
  long status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  bool ok() const { return error.empty() && status >= 200 && status < 300; }
  std::string_view value_of(std::string_view name) const;
};

// Sends the gateway's own requests to other servers: key sets, authorization services. Implemented with
// libcurl: HTTPS with verification, HTTP/2, and persistent connections. Does not follow redirects. On the
// thread of `loop`, which must outlive the client.
class HttpClient {
 public:
  explicit HttpClient(EventLoop& loop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Loads libcurl, which the first request does otherwise, so that no request waits for that. Returns an
  // error when it cannot be loaded; all requests fail then, with the same message. Any thread.
  static Status prepare();

  // The waiting coroutine may be destroyed, which cancels the request.
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
  Status begin();
  void act(int fd, int events);
  void finish_transfers();

  static constexpr int kTimeoutSocket = -1;
  EventLoop& loop_;
  const CurlLibrary* curl_ = nullptr;  // both are null until the first request
  void* multi_ = nullptr;
  Timeout timeout_{*this};
  std::map<int, std::unique_ptr<Socket>> sockets_;
};

}  // namespace portcullis::client

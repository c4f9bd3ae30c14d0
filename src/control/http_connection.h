#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/body_source.h"
#include "http/h1/server_stream.h"
#include "http/input_buffer.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::control {

// A request that has been received whole.
struct ServerRequest {
  const http::RequestHead& head;
  std::string_view body;    // empty when HttpLimits::body_size is 0
  uint64_t body_bytes;      // the length of the body
  const std::string& peer;  // the client's address
};

struct ServerAnswer {
  uint16_t status = 200;
  std::string content_type = "text/plain";
  std::string body{};
  std::string fields{};  // further field lines, each with its CRLF
  // When not null, the body in place of `body`: its length is not known, and it is sent as it arises.
  std::unique_ptr<http::BodySource> stream{};
};

// The limits of an HttpServer.
struct HttpLimits {
  size_t connections = 256;
  http::h1::HeadLimits head{};
  // Max bytes of a request body, unless HttpHooks::admit gives another limit. 0: a body may have any size,
  // and is counted and dropped.
  uint64_t body_size = 64 * 1024;
  // Max bytes of the bodies of all connections together. A request whose body would exceed it is answered
  // 503.
  uint64_t body_total = 128 << 20;
  Milliseconds head_timeout{10'000};    // for the first byte on a connection, and for a whole head
  Milliseconds idle_timeout{60'000};    // between an answer and the next request
  Milliseconds body_timeout{10'000};    // between two pieces of a request body
  Milliseconds send_timeout{60'000};    // without progress of an answer
  Milliseconds stream_timeout{10'000};  // without progress of an answer that has a stream
};

// What is decided about a request when its head has arrived, before its body is read.
struct HttpAdmission {
  uint64_t max_body = 0;  // max bytes of the body, as HttpLimits::body_size
  // When given, the answer to the request, whose body is then not read. The handler is not called.
  std::optional<ServerAnswer> refusal{};
};

// How a service decides about requests that its handler does not get. Both functions may be empty.
struct HttpHooks {
  std::function<HttpAdmission(const http::RequestHead&, const std::string& peer)> admit{};
  // Makes the answer to a request whose body cannot be read: with the status 400, 408, 413, 501 or 503.
  std::function<ServerAnswer(uint16_t status, const http::RequestHead&)> refuse{};
};

class HttpConnection;

// What all connections of an HttpServer use.
struct HttpService {
  using Handler = std::function<Task<ServerAnswer>(const ServerRequest&)>;
  using Greeting = std::function<Task<bool>(Stream&)>;

  EventLoop& loop;
  HttpLimits limits;
  Handler handler;
  Greeting greeting;  // may be empty
  HttpHooks hooks{};
  uint64_t body_bytes = 0;  // the bytes of the bodies that connections hold
  bool is_closing = false;  // each connection ends after its next answer
  // The connections that wait for their clients to send or to receive; the first has waited longest.
  IntrusiveList<HttpConnection> waiting{};
};

// The body of a request as far as it has been received. Its bytes count in HttpService::body_bytes.
class KeptBody {
 public:
  explicit KeptBody(HttpService& service) : service_(service) {}
  KeptBody(const KeptBody&) = delete;
  KeptBody& operator=(const KeptBody&) = delete;
  ~KeptBody() { service_.body_bytes -= text_.size(); }

  // False, and nothing is added, when all bodies together would become too large.
  bool add(http::BodyPart& part);
  const std::string& text() const { return text_; }

 private:
  HttpService& service_;
  std::string text_;
};

// How the reading of a request's body has ended.
struct BodyOutcome {
  bool complete = false;
  uint16_t status = 0;  // unless complete: of the answer; 0 when the client has gone
};

// One connection of an HttpServer: reads a request, awaits the handler, sends the answer, and begins again.
// On the loop's thread.
class HttpConnection final : public ListNode<> {
 public:
  // `service` outlives this object. `peer` is the client's address.
  HttpConnection(HttpService& service, UniqueFd fd, std::string peer);

  // The connection's life, from the greeting to the close.
  Task<void> serve();
  // Ends the connection soon.
  void cancel() { stream_.cancel(); }
  // Closes the connection when no byte of a request arrives within `patience`. Does nothing while the
  // connection has a request.
  void leave_if_idle(Milliseconds patience);

  // How long an idle connection is kept when the server closes: a request may be on its way.
  static constexpr Milliseconds kLastCall{1'000};

 private:
  // What follows a request.
  enum class After : uint8_t {
    kNextRequest,
    kLinger,  // the answer has announced the end of the connection
    kClose,   // the client has gone
  };

  Task<bool> wait_for_request(Clock::time_point deadline);
  Task<After> serve_request(Milliseconds head_timeout);
  Task<BodyOutcome> read_body(http::h1::ServerMessageStream& message, const http::RequestHead& head,
                              http::BodySource& source, uint64_t max, KeptBody& kept) const;
  ServerAnswer refuse(uint16_t status, const http::RequestHead& head) const;
  Task<After> send(http::h1::ServerMessageStream& message, const http::RequestHead& asked,
                   ServerAnswer answer);
  void wait_in_line() { service_.waiting.push_back(*this); }

  HttpService& service_;
  Stream stream_;
  http::InputBuffer input_;  // what has been received and belongs to no request yet
  std::string peer_;
  bool is_idle_ = false;  // no byte of a request has arrived
};

}  // namespace portcullis::control

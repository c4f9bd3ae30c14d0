// A closed- or open-loop HTTP/1.1 load generator on one thread.
// Usage: bench_load PORT CONNECTIONS SECONDS RATE TARGET UPLOAD_BYTES NEW_CONNECTIONS [FIELDS_FILE [TLS]]
//   RATE 0: as fast as possible. Otherwise requests per second at fixed intended times; latency counts from
//   the intended time. NEW_CONNECTIONS 1: one connection per request. FIELDS_FILE: header lines; each request
//   carries the next line. Empty: none. TLS: "full" for TLS 1.3 with a full handshake on each connection,
//   "resume" to resume the last session.
// Prints one line of JSON: completed, failed, seconds, p50/p99/p999 in microseconds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  bool busy = false;
  const std::string* request = nullptr;
  size_t sent = 0;
  size_t expected = 0;   // bytes of the whole response, once its head has been read
  bool chunked = false;  // the response ends with an empty chunk instead
  size_t received = 0;
  std::string head;
  Clock::time_point start;
};

int port, connection_count;
double seconds, rate;
bool fresh_connections;
bool resumes = false;
SSL_CTX* tls = nullptr;  // null: no TLS
SSL_SESSION* session = nullptr;
size_t resumed = 0, handshakes = 0;
std::vector<std::string> requests;
size_t next_request = 0;
int epoll;
std::vector<Connection> connections;
std::vector<Connection*> idle;
std::vector<float> latencies;
size_t failed = 0;
size_t bytes = 0;  // of complete responses

void open(Connection& c) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c.fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(1);
  }
  if (tls != nullptr) {
    c.ssl = SSL_new(tls);
    SSL_set_fd(c.ssl, c.fd);
    SSL_set_connect_state(c.ssl);
    if (resumes && session != nullptr) SSL_set_session(c.ssl, session);
    const int flags = fcntl(c.fd, F_GETFL);
    fcntl(c.fd, F_SETFL, flags | O_NONBLOCK);
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = &c;
  epoll_ctl(epoll, EPOLL_CTL_ADD, c.fd, &event);
}

void shut(Connection& c) {
  // Closing with a reset avoids TIME_WAIT, which would exhaust the ports in a long run.
  const linger abort{1, 0};
  setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  if (c.ssl != nullptr) {
    SSL_set_shutdown(c.ssl,
                     SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or its session could not be resumed
    SSL_free(c.ssl);
    c.ssl = nullptr;
  }
  close(c.fd);
  c.fd = -1;
}

// Like send() and recv(), without waiting.
ssize_t put(Connection& c, const char* data, size_t size) {
  if (c.ssl == nullptr) return send(c.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  const bool begins = SSL_in_init(c.ssl) == 1;
  const int written = SSL_write(c.ssl, data, static_cast<int>(size));
  if (begins && SSL_in_init(c.ssl) == 0) {
    ++handshakes;
    resumed += SSL_session_reused(c.ssl) == 1;
  }
  return written > 0 ? written : -1;
}

ssize_t take(Connection& c, char* data, size_t size) {
  if (c.ssl == nullptr) return recv(c.fd, data, size, MSG_DONTWAIT);
  const int got = SSL_read(c.ssl, data, static_cast<int>(size));
  if (got > 0) return got;
  return SSL_get_error(c.ssl, got) == SSL_ERROR_WANT_READ ? -1 : 0;
}

void push(Connection& c) {
  while (c.sent < c.request->size()) {
    const ssize_t n = put(c, c.request->data() + c.sent, c.request->size() - c.sent);
    if (n < 0) return;
    c.sent += static_cast<size_t>(n);
  }
}

void begin(Connection& c, Clock::time_point intended) {
  if (c.fd < 0) open(c);
  c.busy = true;
  c.request = &requests[next_request++ % requests.size()];
  c.sent = c.received = c.expected = 0;
  c.head.clear();
  c.chunked = false;
  c.start = intended;
  push(c);
}

void finish(Connection& c, bool good) {
  if (good) {
    bytes += c.received;
    latencies.push_back(std::chrono::duration<float, std::micro>(Clock::now() - c.start).count());
  } else {
    ++failed;
  }
  c.busy = false;
  if (fresh_connections || !good) shut(c);
  idle.push_back(&c);
}

void pull(Connection& c) {
  static char buffer[1 << 20];
  for (;;) {
    const ssize_t n = take(c, buffer, sizeof buffer);
    if (n < 0) return;
    if (n == 0) return finish(c, false);
    c.received += static_cast<size_t>(n);
    if (c.chunked) {
      c.head.append(buffer, static_cast<size_t>(n));
    } else if (c.expected == 0) {
      c.head.append(buffer, static_cast<size_t>(n));
      const size_t end = c.head.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const char* length = strcasestr(c.head.c_str(), "content-length:");
      c.chunked = strcasestr(c.head.c_str(), "transfer-encoding: chunked") != nullptr;
      if (c.head.compare(9, 3, "200") != 0 || (!length && !c.chunked)) return finish(c, false);
      if (!c.chunked) c.expected = end + 4 + strtoul(length + 15, nullptr, 10);
    }
    if (c.chunked ? c.head.ends_with("\r\n0\r\n\r\n") : c.received >= c.expected) return finish(c, true);
  }
}

void use_tls(std::string_view how) {
  resumes = how == "resume";
  tls = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(tls, [](SSL*, SSL_SESSION* fresh) {
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8 || argc > 10) return 2;
  port = atoi(argv[1]);
  connection_count = atoi(argv[2]);
  seconds = atof(argv[3]);
  rate = atof(argv[4]);
  const size_t upload = strtoul(argv[6], nullptr, 10);
  fresh_connections = atoi(argv[7]) == 1;
  std::string request = std::string(upload ? "POST " : "GET ") + argv[5] +
                        " HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"
                        "Accept-Encoding: gzip, deflate\r\nCookie: session=0123456789abcdef\r\n";
  if (upload) request += "Content-Length: " + std::to_string(upload) + "\r\n";
  if (argc == 10) use_tls(argv[9]);
  std::ifstream fields(argc >= 9 && argv[8][0] != 0 ? argv[8] : "/dev/null");
  for (std::string line; std::getline(fields, line);)
    requests.push_back(request + line + "\r\n\r\n" + std::string(upload, 'u'));
  if (requests.empty()) requests.push_back(request + "\r\n" + std::string(upload, 'u'));

  epoll = epoll_create1(0);
  connections.resize(static_cast<size_t>(connection_count));
  for (Connection& c : connections) {
    if (!fresh_connections) open(c);
    idle.push_back(&c);
  }
  latencies.reserve(4'000'000);
  const auto began = Clock::now();
  const auto end = began + std::chrono::duration<double>(seconds);
  size_t issued = 0;
  epoll_event events[256];
  for (;;) {
    const auto now = Clock::now();
    if (now >= end) break;
    int wait_ms = -1;
    if (rate == 0) {
      while (!idle.empty()) {
        Connection& c = *idle.back();
        idle.pop_back();
        begin(c, now);
      }
    } else {
      wait_ms = 0;  // busy loop: the generator has a core of its own, and timers of a millisecond would add
                    // to the latency
      while (!idle.empty()) {
        const auto intended = began + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(static_cast<double>(issued) / rate));
        if (intended > now) break;
        Connection& c = *idle.back();
        idle.pop_back();
        ++issued;
        begin(c, intended);
      }
    }
    const int count = epoll_wait(epoll, events, 256, wait_ms < 0 ? 100 : 0);
    for (int i = 0; i < count; ++i) {
      auto& c = *static_cast<Connection*>(events[i].data.ptr);
      if (!c.busy) {
        if (c.fd >= 0 && events[i].events & EPOLLHUP) shut(c);
        continue;
      }
      if (events[i].events & EPOLLOUT || (c.ssl != nullptr && c.sent < c.request->size())) push(c);
      if (events[i].events & (EPOLLIN | EPOLLHUP)) pull(c);
    }
  }
  std::sort(latencies.begin(), latencies.end());
  const auto at = [](double share) {
    return latencies.empty()
               ? 0.0f
               : latencies[std::min(latencies.size() - 1,
                                    static_cast<size_t>(share * static_cast<double>(latencies.size())))];
  };
  std::printf(
      "{\"completed\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"p50\": %.0f, \"p99\": %.0f, \"p999\": "
      "%.0f, \"handshakes\": %zu, \"resumed\": %zu, \"bytes\": %zu}\n",
      latencies.size(), failed, std::chrono::duration<double>(Clock::now() - began).count(),
      static_cast<double>(at(0.5)), static_cast<double>(at(0.99)), static_cast<double>(at(0.999)), handshakes,
      resumed, bytes / std::max<size_t>(latencies.size(), 1));
}

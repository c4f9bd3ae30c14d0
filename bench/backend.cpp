// Answers every request with a fixed body: GET /N returns N bytes. A request body is read completely before
// the answer.
// Usage: bench_backend PORT [DELAY_US]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Client {
  int fd;
  std::string input;
  std::string output;
  size_t sent = 0;
  size_t body_left = 0;
  size_t answer_size = 0;
  bool in_body = false;
  bool json = false;       // asked for with ?json
  bool cacheable = false;  // asked for with ?cacheable
};

const std::string kFill(4 << 20, 'x');

// JSON as services send it: repeated names with varying values.
std::string make_json() {
  std::string out = "[";
  uint64_t random = 1;
  for (size_t i = 0; out.size() < kFill.size(); ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    out += "{\"id\": " + std::to_string(i) + ", \"reference\": \"" + std::to_string(random) +
           "\", \"amount\": " + std::to_string(random % 100'000) + ", \"currency\": \"EUR\", \"status\": \"" +
           (random % 3 == 0 ? "pending" : "settled") + "\", \"customer\": {\"name\": \"Customer " +
           std::to_string(random % 977) + "\", \"country\": \"" + (random % 5 == 0 ? "SE" : "DE") + "\"}},\n";
  }
  return out;
}
const std::string kJson = make_json();

using Clock = std::chrono::steady_clock;
std::chrono::microseconds delay{0};
struct Due {
  Clock::time_point at;
  Client* client;  // null after the client has disconnected
  size_t size;
};
std::deque<Due> waiting;  // in order of time, because all delays are equal

void answer(Client& client, size_t size) {
  client.output.append("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: ");
  client.output.append(client.json ? "application/json\r\n" : "text/plain\r\n");
  if (client.cacheable) client.output.append("Cache-Control: max-age=3600\r\nETag: \"one\"\r\n");
  client.output.append("Content-Length: " + std::to_string(size) + "\r\n\r\n");
  client.output.append(client.json ? kJson : kFill, 0, size);
}

void answer(Client& client) {
  if (delay.count() == 0) return answer(client, client.answer_size);
  waiting.push_back({Clock::now() + delay, &client, client.answer_size});
}

// False when the connection has ended.
bool flush(Client& client) {
  while (client.sent < client.output.size()) {
    const ssize_t n = send(client.fd, client.output.data() + client.sent, client.output.size() - client.sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN;
    client.sent += static_cast<size_t>(n);
  }
  client.output.clear();
  client.sent = 0;
  return true;
}

bool serve(Client& client) {
  static char buffer[256 * 1024];
  for (;;) {
    const ssize_t got = recv(client.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN;
    std::string_view data(buffer, static_cast<size_t>(got));
    while (!data.empty()) {
      if (client.in_body) {
        const size_t taken = std::min(client.body_left, data.size());
        client.body_left -= taken;
        data.remove_prefix(taken);
        if (client.body_left == 0) {
          client.in_body = false;
          answer(client);
        }
        continue;
      }
      client.input.append(data);
      const size_t end = client.input.find("\r\n\r\n");
      if (end == std::string::npos) break;
      const std::string_view rest = std::string_view(client.input).substr(end + 4);
      data = data.substr(data.size() - rest.size());
      const char* target = strchr(client.input.c_str(), '/');
      client.answer_size = std::min<size_t>(target ? strtoul(target + 1, nullptr, 10) : 0, kFill.size());
      client.json = client.input.find("?json ") != std::string::npos;
      client.cacheable = client.input.find("?cacheable ") != std::string::npos;
      const char* length = strcasestr(client.input.c_str(), "content-length:");
      client.body_left =
          length && length < client.input.c_str() + end ? strtoul(length + 15, nullptr, 10) : 0;
      client.input.clear();
      if (client.body_left > 0) {
        client.in_body = true;
      } else {
        answer(client);
      }
    }
    if (!flush(client)) return false;
    if (got < static_cast<ssize_t>(sizeof buffer)) return true;
  }
}

void leave(Client* client) {
  for (Due& due : waiting) {
    if (due.client == client) due.client = nullptr;
  }
  close(client->fd);
  delete client;
}

void answer_what_is_due() {
  while (!waiting.empty() && waiting.front().at <= Clock::now()) {
    const Due due = waiting.front();
    waiting.pop_front();
    if (due.client == nullptr) continue;
    answer(*due.client, due.size);
    if (!flush(*due.client)) leave(due.client);
  }
}

int wait_for_events(int epoll, epoll_event* events, int max) {
  if (waiting.empty()) return epoll_wait(epoll, events, max, -1);
  const auto left = std::max(waiting.front().at - Clock::now(), Clock::duration(0));
  const timespec patience{0, std::chrono::nanoseconds(left).count()};
  return epoll_pwait2(epoll, events, max, &patience, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  if (argc == 3) delay = std::chrono::microseconds(atoi(argv[2]));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 4096) != 0)
    return 1;
  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  epoll_event events[256];
  for (;;) {
    const int count = wait_for_events(epoll, events, 256);
    for (int i = 0; i < count; ++i) {
      auto* client = static_cast<Client*>(events[i].data.ptr);
      if (client == nullptr) {
        const int fd = accept(listener, nullptr, nullptr);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = new Client{fd, {}, {}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
      } else if (!flush(*client) || !serve(*client)) {
        leave(client);
      }
    }
    answer_what_is_due();
  }
}

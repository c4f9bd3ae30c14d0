#include "runtime/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <cstring>

namespace portcullis {
namespace {

struct Question {
  const bool& closing;
  Resolver::OnAnswer on_answer;
};

void receive(void* argument, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<Question> question(static_cast<Question*>(argument));
  Resolver::Answer answer;
  if (status != ARES_SUCCESS) answer.error = ares_strerror(status);
  answer.denied = status == ARES_ENODATA || status == ARES_ENOTFOUND;
  bool first = true;
  for (const ares_addrinfo_node* node = found != nullptr ? found->nodes : nullptr; node != nullptr;
       node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    answer.addresses.emplace_back(node->ai_addr, node->ai_addrlen);
    answer.addresses.back().set_port(0);
    const std::chrono::seconds ttl(node->ai_ttl);
    answer.ttl = first ? ttl : std::min(answer.ttl, ttl);
    first = false;
  }
  if (found != nullptr) ares_freeaddrinfo(found);
  // Sorted, because servers shuffle the addresses and a changed order is not a change.
  std::sort(answer.addresses.begin(), answer.addresses.end(),
            [](const SocketAddress& a, const SocketAddress& b) { return a.to_string() < b.to_string(); });
  if (!question->closing) question->on_answer(std::move(answer));
}

struct ServiceQuestion {
  const bool& closing;
  Resolver::OnServiceAnswer on_answer;
};

void receive_service(void* argument, int status, std::span<const unsigned char> message) {
  const std::unique_ptr<ServiceQuestion> question(static_cast<ServiceQuestion*>(argument));
  Resolver::ServiceAnswer answer;
  if (status == ARES_SUCCESS) {
    answer = Resolver::read_service(message);
  } else {
    answer.error = ares_strerror(status);
  }
  if (!question->closing) question->on_answer(std::move(answer));
}

#if ARES_VERSION >= 0x011c00
// c-ares 1.28 and later return parsed records. They are written back into a message, so that read_service()
// parses the answers of every version.
void ask_for_service(ares_channel channel, const std::string& name, ServiceQuestion* question) {
  const auto receive_record = [](void* argument, ares_status_t status, size_t,
                                 const ares_dns_record_t* record) {
    unsigned char* message = nullptr;
    size_t size = 0;
    if (status == ARES_SUCCESS) status = ares_dns_write(record, &message, &size);
    receive_service(argument, status, {message, size});
    ares_free_string(message);
  };
  // When ares_query_dnsrec() fails, it has already called `receive_record` with the reason.
  (void)ares_query_dnsrec(channel, name.c_str(), ARES_CLASS_IN, ARES_REC_TYPE_SRV, receive_record, question,
                          nullptr);
}
#else
void ask_for_service(ares_channel channel, const std::string& name, ServiceQuestion* question) {
  const auto receive_message = [](void* argument, int status, int, unsigned char* message, int size) {
    receive_service(argument, status, {message, static_cast<size_t>(size)});
  };
  ares_query(channel, name.c_str(), ns_c_in, ns_t_srv, receive_message, question);
}
#endif

}  // namespace

Resolver::ServiceAnswer Resolver::read_service(std::span<const unsigned char> message) {
  ServiceAnswer answer;
  answer.error = "the answer is malformed";
  ns_msg parsed;
  if (::ns_initparse(message.data(), static_cast<int>(message.size()), &parsed) != 0) return answer;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&parsed, ns_s_an, i, &record) != 0) return answer;
    if (ns_rr_type(record) != ns_t_srv || ns_rr_class(record) != ns_c_in) continue;
    constexpr int kFixed = 6;  // bytes of priority, weight and port; the name follows
    const unsigned char* const data = ns_rr_rdata(record);
    char host[NS_MAXDNAME];
    if (ns_rr_rdlen(record) <= kFixed ||
        ::ns_name_uncompress(ns_msg_base(parsed), ns_msg_end(parsed), data + kFixed, host, sizeof host) < 0)
      return answer;
    if (host[0] == '\0' || std::strcmp(host, ".") == 0)
      continue;  // a root target means that the service is not available (RFC 2782)
    const std::chrono::seconds ttl(ns_rr_ttl(record));
    answer.ttl = answer.records.empty() ? ttl : std::min(answer.ttl, ttl);
    answer.records.push_back({host, static_cast<uint16_t>(::ns_get16(data + 4)),
                              static_cast<uint16_t>(::ns_get16(data)),
                              static_cast<uint16_t>(::ns_get16(data + 2))});
  }
  answer.error = answer.records.empty() ? "there are no SRV records" : "";
  return answer;
}

// A socket of c-ares, watched by the event loop.
class Resolver::Socket final : public Watcher {
 public:
  Socket(Resolver& resolver, int fd) : resolver_(resolver), fd_(fd) {}
  ~Socket() {
    if (watched_) resolver_.loop_.unwatch(fd_, *this);
  }
  void watch(uint32_t events) {
    if (watched_) resolver_.loop_.unwatch(fd_, *this);
    watched_ = resolver_.loop_.watch(fd_, events, *this);
  }
  void on_events(uint32_t events) override {
    // Processing may destroy this object, so its members are not used afterwards.
    Resolver& resolver = resolver_;
    const int fd = fd_;
    resolver.process(events & ~uint32_t{EPOLLOUT} ? fd : kNone, events & EPOLLOUT ? fd : kNone);
  }

 private:
  Resolver& resolver_;
  int fd_;
  bool watched_ = false;
};

Result<std::unique_ptr<Resolver>> Resolver::create(EventLoop& loop, const std::vector<std::string>& servers) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return Error{std::string("c-ares: ") + ares_strerror(library)};
  std::unique_ptr<Resolver> made(new Resolver(loop));
  ares_options options{};
  options.timeout = 2000;  // milliseconds for the first try
  options.tries = 3;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Resolver*>(self)->watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = made.get();
  int status = ares_init_options(&made->channel_, &options,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !servers.empty()) {
    std::string list;
    for (const std::string& server : servers) list += (list.empty() ? "" : ",") + server;
    status = ares_set_servers_ports_csv(made->channel_, list.c_str());
  }
  ares_options files{};
  char only_files[] = "f";
  files.lookups = only_files;
  if (status == ARES_SUCCESS) status = ares_init_options(&made->hosts_file_, &files, ARES_OPT_LOOKUPS);
  if (status != ARES_SUCCESS) return Error{std::string("cannot resolve names: ") + ares_strerror(status)};
  return made;
}

Resolver::Resolver(EventLoop& loop) : loop_(loop) {}

Resolver::~Resolver() {
  closing_ = true;
  if (channel_ != nullptr) ares_destroy(channel_);
  if (hosts_file_ != nullptr) ares_destroy(hosts_file_);
}

std::optional<Resolver::Answer> Resolver::look_in_hosts_file(const std::string& name) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // The answer comes before the call returns, because no name server is asked.
  auto answer = std::make_shared<Answer>();
  auto* question = new Question{closing_, [answer](const Answer& found) { *answer = found; }};
  ares_getaddrinfo(hosts_file_, name.c_str(), nullptr, &hints, receive, question);
  if (answer->addresses.empty()) return std::nullopt;
  return *answer;
}

void Resolver::resolve(const std::string& name, Family family, OnAnswer on_answer) {
  ares_addrinfo_hints hints{};
  hints.ai_family = family == Family::kIpv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;  // without a socket type, every address is returned once for each type
  auto* question = new Question{closing_, std::move(on_answer)};
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, receive, question);
  arm_timeout();
}

void Resolver::resolve_service(const std::string& name, OnServiceAnswer on_answer) {
  auto* question = new ServiceQuestion{closing_, std::move(on_answer)};
  ask_for_service(channel_, name, question);
  arm_timeout();
}

void Resolver::watch(int fd, bool readable, bool writable) {
  if (!readable && !writable) {
    sockets_.erase(fd);
    return;
  }
  std::unique_ptr<Socket>& socket = sockets_[fd];
  if (!socket) socket = std::make_unique<Socket>(*this, fd);
  socket->watch((readable ? uint32_t{EPOLLIN} : 0) | (writable ? uint32_t{EPOLLOUT} : 0));
}

void Resolver::process(int readable_fd, int writable_fd) {
  ares_process_fd(channel_, readable_fd == kNone ? ARES_SOCKET_BAD : readable_fd,
                  writable_fd == kNone ? ARES_SOCKET_BAD : writable_fd);
  arm_timeout();
}

void Resolver::arm_timeout() {
  timeval max{1, 0};
  timeval wait{};
  const timeval* next = ares_timeout(channel_, nullptr, &wait);
  if (next == nullptr) return timeout_.unlink();
  if (next->tv_sec >= max.tv_sec) next = &max;
  loop_.arm(timeout_, Milliseconds(next->tv_sec * 1000 + next->tv_usec / 1000 + 1));
}

}  // namespace portcullis

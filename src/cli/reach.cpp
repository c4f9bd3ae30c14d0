#include "cli/reach.h"

#include <netdb.h>

#include <cstring>
#include <utility>

#include "runtime/delivery.h"
#include "runtime/stream.h"

namespace portcullis::cli {
namespace {

constexpr const char* kTarget = "target";
constexpr Milliseconds kPatience{2'000};      // for each connection
constexpr Milliseconds kNamePatience{5'000};  // for name servers

// Combines the answers to several queries for one name: the first answer with addresses, or else the last
// answer.
class FirstAnswer {
 public:
  FirstAnswer(Delivery<Resolver::Answer>::Sender sender, size_t questions)
      : sender_(std::move(sender)), open_(questions) {}

  void take(const Resolver::Answer& answer) {
    if (answer.addresses.empty() && --open_ > 0) return;
    tell(answer);
  }
  void give_up() {
    Resolver::Answer none;
    none.error = "no name server answers";
    tell(none);
  }

 private:
  void tell(const Resolver::Answer& answer) {
    if (!std::exchange(told_, true)) sender_.deliver(answer);
  }

  Delivery<Resolver::Answer>::Sender sender_;
  size_t open_;
  bool told_ = false;
};

Task<void> give_up_later(EventLoop& loop, std::shared_ptr<FirstAnswer> asking) {
  co_await sleep_for(loop, kNamePatience);
  asking->give_up();
}

std::vector<SocketAddress> look_up_as_system(const HostPort& named, std::string& why) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int error = ::getaddrinfo(named.host.c_str(), std::to_string(named.port).c_str(), &hints, &found);
  std::vector<SocketAddress> out;
  if (error != 0) why = ::gai_strerror(error);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    out.emplace_back(one->ai_addr, one->ai_addrlen);
  if (found != nullptr) ::freeaddrinfo(found);
  return out;
}

}  // namespace

Reach::Reach(const std::vector<std::string>& name_servers) {
  if (auto made = Resolver::create(loop_, name_servers)) resolver_ = std::move(*made);
}

void Reach::add_target(const std::string& upstream, const std::string& address) {
  asked_.push_back({kTarget, upstream, address, ""});
}

void Reach::add_server(const std::string& topic, const std::string& group, const std::string& place) {
  asked_.push_back({topic, group, place, ""});
}

const std::vector<Reach::Outcome>& Reach::run() {
  for (Outcome& one : asked_) {
    ++left_;
    tasks_.spawn(reach(one));
  }
  while (left_ > 0) loop_.run_once(Milliseconds(100));
  return asked_;
}

Task<void> Reach::reach(Outcome& asked) {
  Task<std::vector<SocketAddress>> looking = look_up(asked);
  const std::vector<SocketAddress> addresses = co_await looking;
  for (const SocketAddress& address : addresses) {
    Stream stream(loop_);
    const IoResult connected = co_await stream.connect(address, kPatience);
    asked.why = connected.ok() ? "" : std::strerror(connected.error);
    if (connected.ok()) break;
  }
  --left_;
}

Task<std::vector<SocketAddress>> Reach::look_up(Outcome& asked) {
  std::vector<SocketAddress> out;
  if (const auto literal = SocketAddress::parse(asked.place)) {
    out.push_back(*literal);
    co_return out;
  }
  const auto named = split_host_port(asked.place);
  if (!named) {
    asked.why = named.error().message;
    co_return out;
  }
  if (asked.topic != kTarget || !resolver_) {
    out = look_up_as_system(*named, asked.why);
    co_return out;
  }
  Resolver::Answer answer;
  if (auto known = resolver_->look_in_hosts_file(named->host)) {
    answer = std::move(*known);
  } else {
    Delivery<Resolver::Answer> delivery(loop_);
    const auto asking = std::make_shared<FirstAnswer>(delivery.sender(), 2);
    const auto take = [asking](const Resolver::Answer& found) { asking->take(found); };
    resolver_->resolve(named->host, Resolver::Family::kIpv4, take);
    resolver_->resolve(named->host, Resolver::Family::kIpv6, take);
    tasks_.spawn(give_up_later(loop_, asking));
    answer = co_await delivery;
  }
  if (answer.addresses.empty()) asked.why = "cannot look up the name: " + answer.error;
  for (SocketAddress address : answer.addresses) {
    address.set_port(named->port);
    out.push_back(address);
  }
  co_return out;
}

}  // namespace portcullis::cli

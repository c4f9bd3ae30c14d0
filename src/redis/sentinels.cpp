#include "redis/sentinels.h"

#include <utility>

#include "base/text.h"
#include "redis/key_slot.h"
#include "redis/refusal.h"

namespace portcullis::redis {
namespace {

constexpr std::string_view kChannel = "+switch-master";

std::string describe(const Dialed& dialed) {
  return dialed.outcome == Dialed::Outcome::kRefused ? describe_refusal(dialed.why) : dialed.why;
}

std::string address_of(std::string_view host, std::string_view port) {
  const auto number = parse_decimal(port);
  if (host.empty() || !number || *number == 0 || *number > 65'535) return "";
  return node_address(host, static_cast<uint16_t>(*number));
}

}  // namespace

std::string switched_to(std::string_view message, std::string_view name) {
  std::string_view words[5];
  for (std::string_view& word : words) {
    const size_t end = message.find(' ');
    word = message.substr(0, end);
    message = end == std::string_view::npos ? "" : message.substr(end + 1);
  }
  return words[0] == name ? address_of(words[3], words[4]) : "";
}

Sentinels::Sentinels(EventLoop& loop, SidePool* pool, Shared& shared)
    : shared_(shared),
      dialer_(loop, pool, shared.settings.sentinel_access(), shared.sentinel_tls, shared.settings.timeout) {}

Result<std::string> Sentinels::address_in(const Reply& reply) const {
  if (reply.is_error()) return Error{describe_refusal(reply.text)};
  if (reply.list.size() == 2) {
    std::string address = address_of(reply.list[0].text, reply.list[1].text);
    if (!address.empty()) return address;
  }
  return Error{"it knows no primary `" + shared_.settings.master_name + "`"};
}

Task<Result<std::string>> Sentinels::ask(const std::string& sentinel) {
  Connection connection(dialer_.loop());
  const Dialed dialed = co_await dialer_.dial(connection, sentinel, Role::kAny);
  if (dialed.outcome != Dialed::Outcome::kReady) co_return Error{describe(dialed)};
  Request request = Request::of({"SENTINEL", "get-master-addr-by-name", shared_.settings.master_name});
  const Result<std::vector<Reply>> replies = co_await connection.ask(std::move(request), dialer_.patience());
  if (!replies) co_return replies.error();
  co_return address_in(replies->front());
}

Task<Result<std::string>> Sentinels::primary() {
  const std::vector<std::string>& all = shared_.settings.sentinels;
  const size_t first = next_++ % all.size();
  std::string fault;
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string& sentinel = all[(first + i) % all.size()];
    Task<Result<std::string>> asking = ask(sentinel);
    Result<std::string> found = co_await asking;
    if (found) co_return found;
    fault += (fault.empty() ? "" : "; ") + sentinel + ": " + found.error().message;
  }
  co_return Error{"no sentinel names it: " + fault};
}

// Subscribes after asking, on the same connection, so that no failover is missed between the two.
Task<Result<std::string>> Sentinels::follow(const std::string& sentinel,
                                            const std::function<void(const std::string&)>& told) {
  Connection connection(dialer_.loop());
  const Dialed dialed = co_await dialer_.dial(connection, sentinel, Role::kAny);
  if (dialed.outcome != Dialed::Outcome::kReady) co_return Error{dialed.why};
  Request request = Request::of({"SENTINEL", "get-master-addr-by-name", shared_.settings.master_name});
  request.add({"SUBSCRIBE", kChannel});
  const Result<std::vector<Reply>> replies = co_await connection.ask(std::move(request), dialer_.patience());
  if (!replies) co_return replies.error();
  if (const Result<std::string> now = address_in(replies->front())) told(*now);
  for (;;) {
    const Status received = co_await connection.receive(kMaxWatch);
    if (!received) co_return received.error();
    while (const std::optional<Reply> message = connection.reader.next()) {
      if (message->list.size() != 3) continue;
      const std::string address = switched_to(message->list[2].text, shared_.settings.master_name);
      if (!address.empty()) told(address);
    }
  }
}

Task<void> Sentinels::watch(std::function<void(const std::string&)> told) {
  for (size_t i = 0;; ++i) {
    const std::vector<std::string>& all = shared_.settings.sentinels;
    Task<Result<std::string>> following = follow(all[i % all.size()], told);
    static_cast<void>(co_await following);  // every end has the same answer: the next sentinel is asked
    co_await sleep_for(dialer_.loop(), kPause);
  }
}

}  // namespace portcullis::redis

// One Redis server: at a fixed address, or the primary that sentinels name.

#include "redis/link.h"
#include "redis/sentinels.h"
#include "redis/servers.h"

namespace portcullis::redis {
namespace {

class FixedServer final : public Servers {
 public:
  FixedServer(EventLoop& loop, SidePool* pool, Shared& shared)
      : timeout_(shared.settings.timeout),
        dialer_(loop, pool, shared.settings.server_access(), shared.server_tls, timeout_),
        link_(dialer_, shared.settings.address, shared.report_of(shared.settings.address), shared.counts) {}

  Task<Reply> ask(const Request& request, uint16_t) override {
    Reply reply = co_await link_.ask(request, timeout_);
    link_.tell(reply);
    co_return reply;
  }

 private:
  const Milliseconds timeout_;
  Dialer dialer_;
  Link link_;
};

class WatchedPrimary final : public Servers {
 public:
  WatchedPrimary(EventLoop& loop, SidePool* pool, Shared& shared)
      : shared_(shared),
        sentinels_(loop, pool, shared),
        dialer_(loop, pool, shared.settings.server_access(), shared.server_tls, shared.settings.timeout),
        link_(dialer_, [this] { return find(); }, shared.report_of(shared.settings.in_words()), shared.counts,
              {.role = Role::kPrimary, .last_retry = kLastRetry}) {}

  Task<Reply> ask(const Request& request, uint16_t) override {
    if (watching_.empty()) watching_.spawn(sentinels_.watch([this](const std::string& now) { note(now); }));
    Reply reply = co_await link_.ask(request, shared_.settings.timeout);
    // The primary that was has become a replica, so it has not executed the command.
    if (reply.is_error() && reply.text.find("READONLY") != std::string::npos) {
      link_.reconnect("it has become a replica");
      co_return Reply::unavailable("it has become a replica");
    }
    link_.tell(reply);
    co_return reply;
  }

 private:
  Task<Result<std::string>> find() {
    Result<std::string> found = co_await sentinels_.primary();
    if (found && *found != last_) {
      if (!last_.empty()) ++shared_.counts.failovers;
      last_ = *found;
    }
    co_return found;
  }
  void note(const std::string& now) {
    if (link_.ready() && now != link_.address()) link_.reconnect("there is a new primary");
  }

  // A failover takes seconds at most, and requests go on as soon as it is noticed.
  static constexpr Milliseconds kLastRetry{500};

  Shared& shared_;
  Sentinels sentinels_;
  Dialer dialer_;
  std::string last_;  // the address that was found last
  Link link_;
  TaskGroup watching_;
};

}  // namespace

std::unique_ptr<Servers> make_single_server(EventLoop& loop, SidePool* pool, Shared& shared) {
  if (shared.settings.sentinels.empty()) return std::make_unique<FixedServer>(loop, pool, shared);
  return std::make_unique<WatchedPrimary>(loop, pool, shared);
}

}  // namespace portcullis::redis

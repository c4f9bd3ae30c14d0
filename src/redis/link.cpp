#include "redis/link.h"

#include <utility>

#include "redis/refusal.h"

namespace portcullis::redis {
namespace {

// Counts a connection while it can be used.
class Counted {
 public:
  explicit Counted(Counts& counts) : counts_(counts) {
    ++counts_.connects;
    ++counts_.connections;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --counts_.connections; }

 private:
  Counts& counts_;
};

}  // namespace

bool Link::Call::await_ready() {
  if (link_.state_ == State::kIdle) {
    link_.state_ = State::kConnecting;
    link_.tasks_.spawn(link_.live());
  }
  const bool may_wait =
      link_.state_ == State::kReady || (link_.state_ == State::kConnecting && link_.proven_);
  if (!may_wait) reply_ = Reply::unavailable(link_.down_because_);
  return !may_wait;
}

void Link::Call::await_suspend(std::coroutine_handle<> handle) {
  waiter_ = handle;
  link_.waiting_.push_back(*this);
  link_.dialer_.loop().arm(*this, timeout_);
  if (link_.connection_ != nullptr) link_.dialer_.loop().defer(link_);
}

void Link::Call::take(Reply reply) {
  if (--left_ > 0) {
    if (refusal_.empty() && reply.is_error()) refusal_ = std::move(reply.text);
    return;
  }
  reply_ = std::move(reply);
  // Of a transaction, the error of a command says more than the error of EXEC.
  if (!refusal_.empty() && reply_.is_error()) reply_.text = std::move(refusal_);
  Timer::unlink();
  waiter_.resume();
}

void Link::Call::fail(std::string_view why) {
  reply_ = Reply::unavailable(why);
  reply_.may_have_run = end_ != 0;
  withdraw();
  Timer::unlink();
  waiter_.resume();
}

// Replies that come later are dropped.
void Link::Call::withdraw() {
  static_cast<ListNode<Call>&>(*this).unlink();
  if (end_ == 0) return;
  for (uint64_t number = end_ - left_; number < end_; ++number) {
    if (number >= link_.first_pending_) link_.pending_[number - link_.first_pending_] = nullptr;
  }
  left_ = 0;
}

void Link::Call::fire() {
  Link& link = link_;
  fail("timed out");  // destroys this object
  link.note_timeout();
}

Link::Link(Dialer& dialer, std::string address, ServerReport* report, Counts& counts)
    : dialer_(dialer), report_(report), counts_(counts), address_(std::move(address)) {}

Link::Link(Dialer& dialer, Finder finder, ServerReport* report, Counts& counts, Options options)
    : dialer_(dialer), finder_(std::move(finder)), options_(options), report_(report), counts_(counts) {}

Link::~Link() {
  writes_.clear();  // they use the connection
  tasks_.clear();
  state_ = State::kDown;
  proven_ = false;
  fail_all("stopped");
}

Task<void> Link::live() {
  for (;;) {
    state_ = State::kConnecting;
    {
      Connection connection(dialer_.loop());
      Task<Dialed> opening = open(connection);
      const Dialed dialed = co_await opening;
      note(dialed);
      if (dialed.outcome == Dialed::Outcome::kReady) {
        connection_ = &connection;
        const Counted counted(counts_);
        Task<std::string> serving = serve();
        down_because_ = co_await serving;
        connection_ = nullptr;
      }
      // The writes use the connection.
      writes_.clear();
      writing_ = false;
      output_.clear();
    }
    state_ = State::kDown;
    proven_ = false;
    fail_all(down_because_);
    const Milliseconds pause = retry_;
    retry_ = std::min(retry_ * 2, options_.last_retry);
    co_await sleep_for(dialer_.loop(), pause);
  }
}

Task<Dialed> Link::open(Connection& connection) {
  if (finder_) {
    address_.clear();
    Task<Result<std::string>> finding = finder_();
    Result<std::string> found = co_await finding;
    if (!found) co_return Dialed::unreachable(found.error().message);
    address_ = std::move(*found);
  }
  co_return co_await dialer_.dial(connection, address_, options_.role);
}

void Link::note(const Dialed& dialed) {
  // The report of a server that is found names no address.
  const std::string at = finder_ && !address_.empty() ? "at " + address_ + ": " : "";
  switch (dialed.outcome) {
    case Dialed::Outcome::kReady:
      if (report_ != nullptr) report_->connected();
      return;
    case Dialed::Outcome::kRefused:
      down_because_ = describe_refusal(dialed.why);
      if (report_ != nullptr) report_->refused(dialed.why);
      return;
    case Dialed::Outcome::kUnreachable:
      down_because_ = at + dialed.why;
      if (report_ != nullptr) report_->lost(down_because_);
      return;
  }
}

// Serves calls until the connection ends; yields the reason.
Task<std::string> Link::serve() {
  state_ = State::kReady;
  proven_ = true;
  retry_ = kFirstRetry;
  timeouts_ = 0;
  if (!waiting_.empty()) dialer_.loop().defer(*this);
  Connection& connection = *connection_;
  for (;;) {
    Task<Status> receiving = connection.receive(kForever);
    const Status received = co_await receiving;
    if (!received) {
      const bool told = timeouts_ >= kMaxTimeouts || !connection.reader.fault().empty();
      const std::string why =
          timeouts_ >= kMaxTimeouts ? "the server does not answer" : received.error().message;
      // A server may close idle connections. That is reported only when the server cannot be reached again.
      if (told && report_ != nullptr) report_->lost(why);
      co_return why;
    }
    deliver();
    if (connection.reader.fault().empty()) continue;
    const std::string why(connection.reader.fault());
    if (report_ != nullptr) report_->lost(why);
    co_return why;
  }
}

// Gives the replies that have arrived to their calls. A coroutine that resumes may ask again.
void Link::deliver() {
  while (std::optional<Reply> reply = connection_->reader.next()) {
    timeouts_ = 0;
    if (pending_.empty()) return connection_->stream.cancel();  // a reply to nothing
    Call* const call = pending_.front();
    pending_.pop_front();
    ++first_pending_;
    if (call != nullptr) call->take(std::move(*reply));
  }
}

// Coroutines that resume may ask again, and find the link down.
void Link::fail_all(std::string_view why) {
  const std::string reason(why);
  while (!pending_.empty()) {
    Call* const call = pending_.front();
    if (call != nullptr) {
      call->fail(reason);
    } else {
      pending_.pop_front();
      ++first_pending_;
    }
  }
  while (!waiting_.empty()) waiting_.front().fail(reason);
}

void Link::tell(const Reply& reply) const {
  if (report_ == nullptr || reply.kind == Reply::Kind::kUnavailable) return;
  // NOSCRIPT is not a refusal: the script is then sent as a whole.
  if (!reply.is_error()) return report_->answered();
  if (!reply.is_error("NOSCRIPT")) report_->refused(reply.text);
}

void Link::reconnect(std::string_view why) {
  down_because_ = why;
  if (connection_ != nullptr) connection_->stream.cancel();
}

void Link::run_deferred() {
  if (connection_ != nullptr && !writing_ && !waiting_.empty()) writes_.spawn(write_out());
}

Task<void> Link::write_out() {
  writing_ = true;
  Connection& connection = *connection_;
  while (!waiting_.empty()) {
    output_.clear();
    while (!waiting_.empty()) {
      Call& call = waiting_.pop_front();
      output_ += call.request_.bytes;
      pending_.insert(pending_.end(), call.left_, &call);
      call.end_ = first_pending_ + pending_.size();
    }
    iovec piece{output_.data(), output_.size()};
    const IoResult sent = co_await connection.stream.write(std::span(&piece, 1), dialer_.patience());
    if (sent.ok()) continue;
    connection.stream.cancel();
    break;
  }
  writing_ = false;
}

void Link::note_timeout() {
  count_fault(Fault::kRedisUnavailable);
  // While the first connection is made, one call has waited for all that follow.
  if (state_ == State::kConnecting) proven_ = false;
  if (state_ == State::kReady && ++timeouts_ >= kMaxTimeouts) connection_->stream.cancel();
}

}  // namespace portcullis::redis

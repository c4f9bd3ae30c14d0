#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange_policies.h"

namespace portcullis::proxy {

class FaultWorld;
using FaultStep = void (*)(FaultWorld&);
inline void do_nothing(FaultWorld&) {}

// What may come while an exchange waits.
struct Fault {
  std::string name;
  // Runs before the exchange arrives at the point: shortens the timeout that is to expire there.
  FaultStep prepare = do_nothing;
  // Runs when the exchange waits at the point. Without it the time passes, and the exchange may have ended.
  FaultStep strike = nullptr;
  bool stops_worker = false;
};
// What becomes of the client's connection.
enum class Afterwards : uint8_t {
  kGoesOn,  // it takes the next request
  kCloses,
  kIsReset,  // its client must not take what it has got for a whole response; for HTTP/2 only the stream ends
  kStopped,  // the exchange has not ended by itself
};
struct FaultOutcome {
  std::string_view ended;   // the reason in the log line; empty: there is no line
  uint16_t status;          // in the log line
  std::string_view answer;  // how begins what the client gets; empty: it gets nothing
  Afterwards client;
  // Connections to targets, and streams of those that speak HTTP/2, which were given up. All others are in
  // their pools, unused or given back.
  size_t closed;
};
struct FaultRow {
  Fault fault;
  FaultOutcome outcome;
};
struct FaultPoint {
  std::string name;
  FaultStep configure = do_nothing;  // policies, and what the upstream is
  FaultStep approach = do_nothing;   // all before the last step
  FaultStep arrive = do_nothing;     // the last step: now the exchange waits at the point
  // Whether the exchange waits at the point, by what can be seen of it.
  bool (*waits)(FaultWorld&);
  std::vector<FaultRow> rows;
  size_t targets = 1;
};
// One row of the table of points.
struct FaultCase {
  FaultPoint point;
  size_t row;

  std::string name() const { return point.name + "_" + point.rows[row].fault.name; }
  friend void PrintTo(const FaultCase& one, std::ostream* out) { *out << one.name(); }
};
inline std::vector<FaultCase> cases(const std::vector<FaultPoint>& points) {
  std::vector<FaultCase> out;
  for (const FaultPoint& point : points) {
    for (size_t row = 0; row < point.rows.size(); ++row) out.push_back({point, row});
  }
  return out;
}
inline std::string name_of_case(const ::testing::TestParamInfo<FaultCase>& info) {
  return info.param.name();
}

// A world in which an exchange is brought to a point where it waits, a fault comes there, and what is left is
// looked at. The tables of points and faults use its members.
class FaultWorld : public ExchangePolicies, public ::testing::WithParamInterface<FaultCase> {
 public:
  // Brings an exchange to the point, lets the fault come, and compares what has happened.
  void meet(const FaultCase& one) {
    const FaultPoint& point = one.point;
    const FaultRow& row = point.rows[one.row];
    definition->limits.requests = definition->limits.retries = 100;  // what has a limit is counted
    // Only the timeout that is the fault may expire.
    for (Milliseconds* const timeout :
         {&settings.timeouts.body, &settings.timeouts.send, &definition->timeouts.connect,
          &definition->timeouts.response, &definition->timeouts.tunnel})
      *timeout = std::chrono::hours(1);
    point.configure(*this);
    build(point.targets);
    point.approach(*this);
    row.fault.prepare(*this);
    point.arrive(*this);
    settle();
    const bool is_struck = row.fault.strike != nullptr || row.fault.stops_worker;
    if (is_struck) {
      ASSERT_FALSE(is_over);
      ASSERT_TRUE(point.waits(*this));
    }
    if (row.fault.strike != nullptr) row.fault.strike(*this);
    if (!row.fault.stops_worker) run_to_end();
    end();
    settle();
    compare(row.outcome);
  }

  // A decision that never comes.
  policy::Decision wait_long(Context& context) { return Decision::suspend(wait_long(context, waiting)); }
  // Puts a stage behind the request's body that counts the writes to the target that have ended.
  void count_writes() {
    add([this](Context& context) {
      context.request_body.stages.pass_through([this](std::unique_ptr<http::BodySource> body) {
        return std::make_unique<CountedWrites>(std::move(body), writes);
      });
      return Decision::proceed();
    });
  }
  void add_to_responses(Hook hook) { add(no_decision, std::move(hook)); }
  // A request without a body that is sent at most once.
  void ask() { begin("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"); }
  // Runs the loop until `is_so` is true, at most for a while.
  template <typename Condition>
  void run_until(Condition is_so) {
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
    while (!is_so() && Clock::now() < deadline) settle(Milliseconds(5));
    EXPECT_TRUE(is_so());
  }
  // The number of targets that have been asked.
  size_t asked() const {
    size_t out = 0;
    for (const auto& backend : backends) out += !backend->received.empty();
    for (const auto& backend : http2_backends) out += backend->has_stream();
    return out;
  }
  // The client takes again what comes for it.
  void let_client_take() {
    client->take_no_more_than(SIZE_MAX);
    if (http2_client) http2_client->reads = true;
  }
  // What the client has got.
  const std::string& answered() const { return http2_client ? http2_client->received : client->received; }
  // The other end of the connection to the target that was asked first, while no other has been asked.
  MemoryEnd& first() {
    EXPECT_EQ(asked(), 1u);
    return backends[0]->received.empty() ? *backends[1] : *backends[0];
  }
  using ExchangePolicies::add;
  using ExchangePolicies::add_holder;
  using ExchangePolicies::add_request_holder;
  using ExchangePolicies::add_request_letters;
  using ExchangePolicies::answer;
  using ExchangePolicies::Context;
  using ExchangePolicies::Decision;
  using ExchangePolicies::get;
  using ExchangePolicies::post;
  using ExchangeWorld::backends;
  using ExchangeWorld::begin;
  using ExchangeWorld::begin_at_once;
  using ExchangeWorld::client;
  using ExchangeWorld::connect_http2;
  using ExchangeWorld::definition;
  using ExchangeWorld::http2_backends;
  using ExchangeWorld::http2_client;
  using ExchangeWorld::http2_settings;
  using ExchangeWorld::is_connected;
  using ExchangeWorld::is_over;
  using ExchangeWorld::open;
  using ExchangeWorld::settings;
  using ExchangeWorld::settle;
  using ExchangeWorld::sockets;
  using ExchangeWorld::upgrades;

  int waiting = 0;  // decisions that are waited for
  int writes = 0;
  std::optional<upstream::Breaker::Slot> place{};
  std::optional<upstream::Http2Pool::Connecting> connecting{};

 private:
  class CountedWrites final : public http::BodyStage {
   public:
    CountedWrites(std::unique_ptr<http::BodySource> from, int& writes)
        : BodyStage(std::move(from)), writes_(writes) {}
    void note_sent(Clock::duration took) override {
      ++writes_;
      BodyStage::note_sent(took);
    }

   private:
    int& writes_;
  };
  static Task<policy::Decision> wait_long(Context& context, int& waiting) {
    struct Waiting {
      explicit Waiting(int& count) : waiting(count) { ++waiting; }
      Waiting(const Waiting&) = delete;
      Waiting& operator=(const Waiting&) = delete;
      ~Waiting() { --waiting; }
      int& waiting;
    };
    const Waiting counted(waiting);
    co_await sleep_for(context.loop, std::chrono::hours(1));
    co_return policy::Decision::proceed();
  }
  void compare(const FaultOutcome& expected) {
    EXPECT_EQ(ended == nullptr ? "" : ended->name, expected.ended);
    EXPECT_EQ(status, expected.status);
    EXPECT_EQ(log_lines, expected.ended.empty() ? 0 : 1);
    if (expected.answer.empty()) {
      EXPECT_EQ(answered(), "");
    } else {
      EXPECT_TRUE(answered().starts_with(expected.answer)) << answered();
    }
    EXPECT_LE(final_responses(), 1u) << answered();
    EXPECT_EQ(is_over, expected.client != Afterwards::kStopped);
    const bool goes_on = is_over && after == http::Persistence::kKeepAlive;
    const bool is_reset = expected.client == Afterwards::kIsReset;
    EXPECT_EQ(goes_on, expected.client == Afterwards::kGoesOn || (is_reset && http2_client));
    if (expected.client != Afterwards::kStopped) {
      EXPECT_EQ(http2_client ? http2_client->is_broken() : client->was_reset, is_reset);
    }
    run_until([this, &expected] { return closed() >= expected.closed; });
    EXPECT_EQ(closed(), expected.closed);
    // Nothing is left behind.
    EXPECT_EQ(waiting, 0);
    for (const upstream::Target* target : open) EXPECT_EQ(target->in_flight, 0u);
    for (const upstream::Load load :
         {upstream::Load::kRequests, upstream::Load::kRetries, upstream::Load::kPending})
      EXPECT_EQ(definition->breaker->in_use(load), 0u);
  }
  size_t closed() const {
    size_t out = sockets.closed();
    for (size_t i = 0; i < backends.size(); ++i)
      out += backends[i]->was_closed || (!http2_backends.empty() && http2_backends[i]->is_broken());
    return out;
  }
  // How many responses the client has got, or parts of them, beside those that only say that one will follow.
  size_t final_responses() const {
    size_t out = 0;
    const std::string_view text = answered();
    for (size_t at = text.find("HTTP/"); at != std::string::npos; at = text.find("HTTP/", at + 1)) {
      const std::string_view code = text.substr(text.find(' ', at) + 1, 3);
      out += code == "101" || !code.starts_with('1');
    }
    return out;
  }
};

// The faults that are the same at all points.
inline void client_gets(FaultWorld& world) {
  world.get();
}
inline void client_takes_nothing(FaultWorld& world) {
  world.client->take_no_more_than(0);
}
inline bool a_policy_waits(FaultWorld& world) {
  return world.waiting == 1;
}

inline bool a_target_is_asked(FaultWorld& world) {
  return world.asked() == 1 && world.answered().empty();
}
inline bool a_target_was_asked(FaultWorld& world) {
  return world.asked() == 1;
}

inline const Fault kClientGoes{"ClientGoes", do_nothing, [](FaultWorld& world) { world.client->reset(); }};
inline const Fault kClientEndsItsSide{"ClientEndsItsSide", do_nothing,
                                      [](FaultWorld& world) { world.client->finish(); }};
inline const Fault kTargetGoes{"TargetGoes", do_nothing, [](FaultWorld& world) {
                                 for (const auto& backend : world.backends) backend->reset();
                               }};
inline const Fault kTargetEndsItsSide{"TargetEndsItsSide", do_nothing,
                                      [](FaultWorld& world) { world.backends[0]->finish(); }};
// The target goes while the client takes nothing.
inline const Fault kTargetGoesMeanwhile{"TargetGoesMeanwhile", do_nothing, [](FaultWorld& world) {
                                          world.backends[0]->reset();
                                          world.settle();
                                          EXPECT_FALSE(world.is_over);  // the client is waited for
                                          world.let_client_take();
                                        }};
// The target of a connection that the exchange has opened goes.
inline const Fault kNewTargetGoes{"NewTargetGoes", do_nothing,
                                  [](FaultWorld& world) { world.sockets.reset(); }};
inline const Fault kClientResetsItsStream{"ClientResetsItsStream", do_nothing, [](FaultWorld& world) {
                                            world.http2_client->reset_stream(NGHTTP2_CANCEL);
                                          }};
inline const Fault kTargetResetsTheStream{"TargetResetsTheStream", do_nothing, [](FaultWorld& world) {
                                            world.http2_backends[0]->reset_stream(NGHTTP2_INTERNAL_ERROR);
                                          }};
// The worker stops: the exchange is destroyed where it waits.
inline const Fault kWorkerStops{"WorkerStops", do_nothing, nullptr, true};
inline const Fault kBodyTimeout{"BodyTimeout",
                                [](FaultWorld& world) { world.settings.timeouts.body = Milliseconds(1); }};
inline const Fault kSendTimeout{"SendTimeout",
                                [](FaultWorld& world) { world.settings.timeouts.send = Milliseconds(1); }};
inline const Fault kConnectTimeout{
    "ConnectTimeout", [](FaultWorld& world) { world.definition->timeouts.connect = Milliseconds(1); }};
inline const Fault kResponseTimeout{
    "ResponseTimeout", [](FaultWorld& world) { world.definition->timeouts.response = Milliseconds(1); }};
inline const Fault kTotalTimeout{
    "TotalTimeout", [](FaultWorld& world) { world.definition->timeouts.total = Milliseconds(1); }};

}  // namespace portcullis::proxy

#include "control/name_service.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/fleet.h"

namespace portcullis::control {
namespace {

// A name server that knows no name. It keeps the questions until it may answer.
class DenyingNameServer final : private Watcher {
 public:
  explicit DenyingNameServer(EventLoop& loop)
      : loop_(loop), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof local;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&local), size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&local), &size), 0);
    port_ = ntohs(local.sin_port);
    EXPECT_TRUE(loop_.watch(socket_.get(), EPOLLIN, *this));
  }
  ~DenyingNameServer() { loop_.unwatch(socket_.get(), *this); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  size_t asked() const { return asked_; }
  void answer() {
    answering_ = true;
    for (const Question& one : std::exchange(waiting_, {})) deny(one);
  }

 private:
  struct Question {
    sockaddr_in from{};
    std::string text{};
  };
  void on_events(uint32_t) override {
    for (;;) {
      Question question;
      char buffer[512];
      socklen_t size = sizeof question.from;
      const ssize_t got = ::recvfrom(socket_.get(), buffer, sizeof buffer, 0,
                                     reinterpret_cast<sockaddr*>(&question.from), &size);
      if (got < 12) return;
      ++asked_;
      question.text.assign(buffer, static_cast<size_t>(got));
      if (answering_) {
        deny(question);
      } else {
        waiting_.push_back(std::move(question));
      }
    }
  }
  // The question itself, marked as an answer with the code NXDOMAIN (RFC 1035 section 4.1.1).
  void deny(const Question& question) const {
    std::string answer = question.text;
    answer[2] = static_cast<char>(answer[2] | 0x80);
    answer[3] = static_cast<char>((answer[3] & 0x70) | 0x83);
    (void)::sendto(socket_.get(), answer.data(), answer.size(), 0,
                   reinterpret_cast<const sockaddr*>(&question.from), sizeof question.from);
  }

  EventLoop& loop_;
  UniqueFd socket_;
  uint16_t port_ = 0;
  size_t asked_ = 0;
  bool answering_ = false;
  std::vector<Question> waiting_;
};

class NameServiceTest : public ::testing::Test {
 protected:
  // Follows a configuration whose targets have these names.
  void follow(std::set<std::string> hosts) {
    auto snapshot = std::make_shared<proxy::Snapshot>(1);
    snapshot->hosts = std::move(hosts);
    snapshot->dns.servers = {server_.address()};
    ASSERT_TRUE(names_.follow({{config_, snapshot}}, metrics_));
  }
  void begin_to_settle() {
    struct Life {
      static Task<void> run(NameService& names, bool& settled) {
        Task<void> settling = names.settle();
        co_await settling;
        settled = true;
      }
    };
    tasks_.spawn(Life::run(names_, settled_));
  }
  template <typename Condition>
  void run_until(Condition condition) {
    for (int rounds = 0; !condition(); ++rounds) {
      ASSERT_LT(rounds, 1'000) << "what is waited for does not come";
      loop_.run_once(Milliseconds(100));
    }
  }

  EventLoop loop_;
  DenyingNameServer server_{loop_};
  telemetry::Registry metrics_{1};
  config::Config config_;
  Fleet fleet_{loop_};
  // So long that only an answer can end the wait.
  NameService names_{loop_, fleet_, {}, Milliseconds(3'600'000)};
  bool settled_ = false;
  TaskGroup tasks_;
};

TEST_F(NameServiceTest, WithoutNamesThereIsNothingToWaitFor) {
  follow({});
  begin_to_settle();
  EXPECT_TRUE(settled_);
}

TEST_F(NameServiceTest, SettlesWithTheFirstAnswerAlsoABadOne) {
  follow({"portcullis-a.invalid."});
  begin_to_settle();
  run_until([this] { return server_.asked() >= 2; });
  EXPECT_FALSE(settled_);
  server_.answer();
  run_until([this] { return settled_; });
}

TEST_F(NameServiceTest, ANameThatIsFollowedNoLongerIsNotWaitedFor) {
  follow({"portcullis-a.invalid."});
  begin_to_settle();
  run_until([this] { return server_.asked() >= 2; });
  EXPECT_FALSE(settled_);
  follow({});
  run_until([this] { return settled_; });
}

}  // namespace
}  // namespace portcullis::control

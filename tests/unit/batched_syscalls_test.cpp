#include "runtime/batched_syscalls.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "faulty_syscalls.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis {
namespace {

// Streams whose readers answer with the data that they have read, in one batch of events.
class BatchTest : public ::testing::Test {
 protected:
  static constexpr size_t kCount = 5;

  void use(Syscalls& syscalls) {
    loop = std::make_unique<EventLoop>(syscalls);
    for (size_t i = 0; i < kCount; ++i) {
      int ends[2];
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
      streams.push_back(std::make_unique<Stream>(*loop, UniqueFd(ends[0])));
      peers.emplace_back(ends[1]);
      results.push_back({0, EINPROGRESS});
    }
    for (size_t i = 0; i < kCount; ++i) tasks[i].spawn(echo(i));
    for (size_t i = 0; i < kCount; ++i) ASSERT_EQ(::send(peers[i].get(), "hello", 5, 0), 5);
  }
  Task<void> echo(size_t i) {
    char buffer[64];
    const IoResult got = co_await streams[i]->read(buffer, sizeof buffer, kForever);
    iovec piece{buffer, got.bytes};
    if (before_write) before_write(i);
    results[i] = co_await streams[i]->write(std::span(&piece, 1), Milliseconds(100));
    if (after_write) after_write(i);
  }
  std::string received(size_t i) {
    char buffer[64];
    const ssize_t got = ::recv(peers[i].get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<size_t>(got));
  }

  std::unique_ptr<EventLoop> loop;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<UniqueFd> peers;
  std::vector<IoResult> results;
  std::function<void(size_t)> before_write, after_write;
  TaskGroup tasks[kCount];
};

TEST_F(BatchTest, SmallSendsOfOneBatchOfEventsAreOneCall) {
  FaultySyscalls syscalls;
  use(syscalls);
  loop->run_once(Milliseconds(1000));
  // The last event has no further event to wait for.
  EXPECT_EQ(syscalls.batches, std::vector<size_t>{kCount - 1});
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(received(i), "hello");
    EXPECT_TRUE(results[i].ok());
    EXPECT_EQ(results[i].bytes, 5u);
  }
}

TEST_F(BatchTest, EachSendOfABatchFailsAlone) {
  FaultySyscalls syscalls;
  syscalls.on_send_many = {{ECONNRESET}, {0, 2}, {EAGAIN}};
  use(syscalls);
  // An EAGAIN in a batch waits for the socket as usual; the other sends are not delayed.
  loop->run_once(Milliseconds(1000));
  EXPECT_EQ(results[0].error, ECONNRESET);
  EXPECT_EQ(received(0), "") << "sent again after an error";
  EXPECT_EQ(received(1), "hello");
  EXPECT_EQ(results[1].bytes, 5u);
  EXPECT_EQ(received(3), "hello");
  EXPECT_EQ(results[2].error, EINPROGRESS);
  for (int i = 0; i < 50 && results[2].error == EINPROGRESS; ++i) loop->run_once(Milliseconds(50));
  EXPECT_EQ(results[2].error, ETIMEDOUT);  // the EAGAIN was injected, so no event follows
}

TEST_F(BatchTest, TasksDestroyedBeforeOrDuringTheBatchAreLeftOut) {
  FaultySyscalls syscalls;
  before_write = [this](size_t i) {
    if (i == 2) tasks[0].clear();  // queued, not sent yet
  };
  after_write = [this](size_t i) {
    if (i == 1) tasks[3].clear();  // sent in the same call, its result not delivered yet
  };
  use(syscalls);
  loop->run_once(Milliseconds(1000));
  EXPECT_EQ(syscalls.batches, std::vector<size_t>{kCount - 2});
  EXPECT_EQ(received(0), "");
  EXPECT_EQ(results[0].error, EINPROGRESS);
  EXPECT_EQ(received(1), "hello");
  EXPECT_EQ(results[2].bytes, 5u);
  EXPECT_EQ(results[3].error, EINPROGRESS);
}

TEST_F(BatchTest, ACancelledStreamSendsNothing) {
  FaultySyscalls syscalls;
  before_write = [this](size_t i) {
    if (i == 1) streams[0]->cancel();
  };
  use(syscalls);
  for (int i = 0; i < 50 && results[0].error == EINPROGRESS; ++i) loop->run_once(Milliseconds(50));
  EXPECT_EQ(results[0].error, ECANCELED);
  EXPECT_EQ(received(0), "");
  EXPECT_EQ(received(1), "hello");
}

TEST_F(BatchTest, TheKernelSendsThemAllInOneCall) {
  const auto kernel = BatchedSyscalls::create();
  if (!kernel) GTEST_SKIP() << "io_uring is not available here";
  use(*kernel);
  peers[1].reset();  // the answer is sent to a closed socket
  loop->run_once(Milliseconds(1000));
  EXPECT_EQ(results[1].error, EPIPE);
  for (const size_t i : {0u, 2u, 3u, 4u}) EXPECT_EQ(received(i), "hello");
}

TEST(BatchedSyscallsTest, FullSocketsSayEagainAndMoreThanARingfulIsSent) {
  const auto kernel = BatchedSyscalls::create();
  if (!kernel) GTEST_SKIP() << "io_uring is not available here";
  std::vector<UniqueFd> ends;
  for (int i = 0; i < 7; ++i) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ends.emplace_back(pair[0]);
    ends.emplace_back(pair[1]);
  }
  const std::string block(64 * 1024, 'x');
  while (::send(ends[12].get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
  }
  std::vector<SendRequest> requests;
  for (size_t i = 0; i < 600; ++i) requests.push_back({ends[2 * (i % 6)].get(), "ab", 2, MSG_NOSIGNAL});
  requests[300].fd = ends[12].get();
  kernel->send_many(requests);
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(requests[i].result, i == 300 ? -EAGAIN : 2) << i;
}

}  // namespace
}  // namespace portcullis

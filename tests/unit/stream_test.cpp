#include "runtime/stream.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/faults.h"
#include "runtime/acceptor.h"
#include "runtime/batched_syscalls.h"
#include "runtime/task.h"

namespace portcullis {
namespace {

// The kernel with scripted faults: an errno to return, or a limit on the bytes moved.
class FaultySyscalls final : public Syscalls {
 public:
  struct Fault {
    int error = 0;
    size_t max = 0;
  };
  std::deque<Fault> on_recv, on_send, on_sendmsg, on_sendfile, on_send_many, on_accept, on_wait, on_socket,
      on_connect, on_epoll_ctl;
  std::vector<size_t> batches;  // number of sends in each send_many()

  ssize_t recv(int fd, void* data, size_t size, int flags) override {
    return apply(on_recv, size) ? Syscalls::recv(fd, data, size, flags) : -1;
  }
  ssize_t send(int fd, const void* data, size_t size, int flags) override {
    return apply(on_send, size) ? Syscalls::send(fd, data, size, flags) : -1;
  }
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override {
    size_t size = message->msg_iov[0].iov_len;
    if (on_sendmsg.empty()) return Syscalls::sendmsg(fd, message, flags);
    return apply(on_sendmsg, size) ? Syscalls::send(fd, message->msg_iov[0].iov_base, size, flags) : -1;
  }
  ssize_t sendfile(int to, int from, off_t* offset, size_t size) override {
    return apply(on_sendfile, size) ? Syscalls::sendfile(to, from, offset, size) : -1;
  }
  // The fault occurs after the kernel has begun to connect, as an interruption does.
  int connect(int fd, const sockaddr* address, socklen_t length) override {
    const int outcome = Syscalls::connect(fd, address, length);
    size_t unused = 0;
    if (on_connect.empty()) return outcome;
    return apply(on_connect, unused) ? outcome : -1;
  }
  int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) override {
    size_t unused = 0;
    return apply(on_epoll_ctl, unused) ? Syscalls::epoll_ctl(epoll, operation, fd, event) : -1;
  }
  void send_many(std::span<SendRequest> requests) override {
    batches.push_back(requests.size());
    for (SendRequest& one : requests) {
      if (apply(on_send_many, one.size)) {
        Syscalls::send_many(std::span(&one, 1));
      } else {
        one.result = -errno;
      }
    }
  }
  int accept4(int fd, sockaddr* address, socklen_t* length, int flags) override {
    size_t unused = 0;
    return apply(on_accept, unused) ? Syscalls::accept4(fd, address, length, flags) : -1;
  }
  int socket(int domain, int type, int protocol) override {
    size_t unused = 0;
    return apply(on_socket, unused) ? Syscalls::socket(domain, type, protocol) : -1;
  }
  int epoll_wait(int epoll, epoll_event* events, int capacity, int timeout) override {
    size_t unused = 0;
    return apply(on_wait, unused) ? Syscalls::epoll_wait(epoll, events, capacity, timeout) : -1;
  }

 private:
  static bool apply(std::deque<Fault>& script, size_t& size) {
    if (script.empty()) return true;
    const Fault fault = script.front();
    script.pop_front();
    if (fault.max != 0) size = std::min(size, fault.max);
    errno = fault.error;
    return fault.error == 0;
  }
};

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() : loop(syscalls) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    stream = std::make_unique<Stream>(loop, UniqueFd(ends[0]));
    peer.reset(ends[1]);
  }
  ~StreamTest() override { EXPECT_TRUE(tasks.empty()) << "a coroutine was left behind"; }

  void run_until(const bool& happened) {
    for (int i = 0; i < 200 && !happened; ++i) loop.run_once(Milliseconds(50));
    ASSERT_TRUE(happened);
  }
  void peer_sends(const std::string& text) {
    ASSERT_EQ(::send(peer.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  Task<void> read_once(Milliseconds timeout) {
    result = co_await stream->read(buffer, sizeof buffer, timeout);
    done = true;
  }
  Task<void> write_all(std::string text, Milliseconds timeout) {
    iovec piece{text.data(), text.size()};
    result = co_await stream->write(std::span(&piece, 1), timeout);
    done = true;
  }

  Task<void> send_file(int file, uint64_t offset, size_t size) {
    result = co_await stream->send_file(file, offset, size, Milliseconds(5000));
    done = true;
  }
  // Everything that arrives until the task has ended.
  std::string receive_until_done() {
    std::string got;
    char some[4096];
    const auto receive = [&] {
      for (ssize_t count; (count = ::recv(peer.get(), some, sizeof some, MSG_DONTWAIT)) > 0;)
        got.append(some, static_cast<size_t>(count));
    };
    for (int i = 0; i < 200 && !done; ++i) {
      receive();
      loop.run_once(Milliseconds(10));
    }
    EXPECT_TRUE(done);
    receive();
    return got;
  }

  FaultySyscalls syscalls;
  EventLoop loop;
  std::unique_ptr<Stream> stream;
  UniqueFd peer;
  char buffer[64];
  IoResult result;
  bool done = false;
  TaskGroup tasks;
};

TEST_F(StreamTest, ReadWaitsForData) {
  tasks.spawn(read_once(kForever));
  EXPECT_FALSE(done);
  peer_sends("hello");
  run_until(done);
  EXPECT_EQ(std::string(buffer, result.bytes), "hello");
}

TEST_F(StreamTest, ReadSurvivesInterruptionAndSpuriousReadiness) {
  syscalls.on_recv = {{EINTR}, {EAGAIN}};
  peer_sends("x");
  tasks.spawn(read_once(kForever));
  run_until(done);
  EXPECT_EQ(result.bytes, 1u);
}

TEST_F(StreamTest, ReadReportsResetAndTimeoutAndEnd) {
  syscalls.on_recv = {{ECONNRESET}};
  tasks.spawn(read_once(kForever));
  EXPECT_EQ(result.error, ECONNRESET);

  done = false;
  tasks.spawn(read_once(Milliseconds(20)));
  run_until(done);
  EXPECT_EQ(result.error, ETIMEDOUT);

  done = false;
  tasks.spawn(read_once(kForever));
  peer.reset();
  run_until(done);
  EXPECT_TRUE(result.end_of_stream());
}

TEST_F(StreamTest, EndOfStreamAfterShortReadIsSeen) {
  peer_sends("last words");
  peer.reset();
  tasks.spawn(read_once(kForever));
  run_until(done);
  EXPECT_EQ(result.bytes, 10u);
  done = false;
  tasks.spawn(read_once(kForever));
  run_until(done);
  EXPECT_TRUE(result.end_of_stream());
}

TEST_F(StreamTest, WriteGoesOnAfterShortWritesInterruptionsAndFullBuffers) {
  syscalls.on_send = {{0, 1}, {EINTR}, {0, 2}, {EAGAIN}, {ENOBUFS}, {0, 3}};
  tasks.spawn(write_all("0123456789", Milliseconds(5000)));
  // The EAGAIN was injected, so only a real change of the socket wakes the writer; reading causes one.
  EXPECT_EQ(receive_until_done(), "0123456789");
  EXPECT_EQ(result.error, 0);
}

TEST_F(StreamTest, SendsAPartOfAFile) {
  const UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
  std::string text(3 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i >> 7);
  ASSERT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  syscalls.on_sendfile = {{0, 1}, {EINTR}, {0, 10'000}, {ENOBUFS}, {0, 3}};
  tasks.spawn(send_file(file.get(), 1000, text.size() - 2000));  // more than fits into the socket's buffer
  EXPECT_EQ(receive_until_done(), text.substr(1000, text.size() - 2000));
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.bytes, text.size() - 2000);

  done = false;
  tasks.spawn(send_file(file.get(), text.size() - 10, 20));  // the file is shorter
  EXPECT_EQ(receive_until_done(), text.substr(text.size() - 10));
  EXPECT_EQ(result.error, EIO);

  done = false;
  syscalls.on_sendfile = {{ECONNRESET}};
  tasks.spawn(send_file(file.get(), 0, 20));
  EXPECT_EQ(result.error, ECONNRESET);

  done = false;
  stream->cancel();
  tasks.spawn(send_file(file.get(), 0, 20));
  EXPECT_EQ(result.error, ECANCELED);
}

TEST_F(StreamTest, WriteTimesOutWhenTheKernelStaysShortOfMemory) {
  for (int i = 0; i < 100; ++i) syscalls.on_send.push_back({ENOBUFS});
  tasks.spawn(write_all("x", Milliseconds(50)));
  run_until(done);
  EXPECT_EQ(result.error, ETIMEDOUT);
}

TEST_F(StreamTest, CancelWakesTheWaiterAndFailsLaterOperations) {
  tasks.spawn(read_once(kForever));
  stream->cancel();
  run_until(done);
  EXPECT_EQ(result.error, ECANCELED);
  done = false;
  tasks.spawn(write_all("x", kForever));
  EXPECT_EQ(result.error, ECANCELED);
}

TEST_F(StreamTest, DestroyingAWaitingTaskWithdrawsItsOperation) {
  {
    TaskGroup group;
    group.spawn(read_once(Milliseconds(10)));
  }
  peer_sends("nobody reads this yet");
  loop.run_once(Milliseconds(30));
  EXPECT_FALSE(done);
  tasks.spawn(read_once(kForever));
  run_until(done);
  EXPECT_EQ(result.bytes, 21u);
}

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

TEST_F(StreamTest, LoopSurvivesInterruptedWait) {
  syscalls.on_wait = {{EINTR}};
  tasks.spawn(read_once(kForever));
  peer_sends("x");
  run_until(done);
  EXPECT_EQ(result.bytes, 1u);
}

TEST_F(StreamTest, ConnectReportsRefusalAndLackOfDescriptors) {
  bool connected = false;
  IoResult outcome;
  Stream client(loop);
  auto attempt = [&](SocketAddress address) -> Task<void> {
    outcome = co_await client.connect(address, Milliseconds(1000));
    connected = true;
  };
  syscalls.on_socket = {{EMFILE}};
  tasks.spawn(attempt(*SocketAddress::parse("127.0.0.1:1")));
  EXPECT_EQ(outcome.error, EMFILE);

  connected = false;
  tasks.spawn(attempt(*SocketAddress::parse("127.0.0.1:1")));
  run_until(connected);
  EXPECT_EQ(outcome.error, ECONNREFUSED);
}

TEST_F(StreamTest, AnInterruptedConnectGoesOn) {
  auto socket = open_listening_socket(*SocketAddress::parse("127.0.0.1:0"), 16);
  ASSERT_TRUE(socket);
  Stream client(loop);
  auto attempt = [&]() -> Task<void> {
    result = co_await client.connect(SocketAddress::of_socket(socket->get()), Milliseconds(1000));
    done = true;
  };
  syscalls.on_connect = {{EINTR}};
  tasks.spawn(attempt());
  run_until(done);
  EXPECT_EQ(result.error, 0);
}

TEST_F(StreamTest, AGatheredWriteGoesOnWithinAndBetweenPieces) {
  auto write_pieces = [&]() -> Task<void> {
    std::string texts[] = {"0123", "", "456", "789"};
    iovec pieces[4];
    for (size_t i = 0; i < 4; ++i) pieces[i] = {texts[i].data(), texts[i].size()};
    result = co_await stream->write(pieces, Milliseconds(1000));
    done = true;
  };
  syscalls.on_sendmsg = {{0, 3}, {EINTR}, {0, 1}, {0, 2}};
  tasks.spawn(write_pieces());
  run_until(done);
  EXPECT_EQ(result.bytes, 10u);
  char got[16];
  EXPECT_EQ(std::string(got, static_cast<size_t>(::recv(peer.get(), got, sizeof got, 0))), "0123456789");
}

TEST_F(StreamTest, AKernelThatCannotWatchTheSocketFailsTheOperation) {
  syscalls.on_epoll_ctl = {{ENOSPC}, {ENOMEM}};
  tasks.spawn(read_once(kForever));
  EXPECT_EQ(result.error, ENOSPC);
  syscalls.on_send = {{EAGAIN}};
  tasks.spawn(write_all("x", kForever));
  EXPECT_EQ(result.error, ENOMEM);
}

TEST_F(StreamTest, AcceptorPausesWhenOutOfDescriptorsAndGoesOn) {
  auto socket = open_listening_socket(*SocketAddress::parse("127.0.0.1:0"), 16);
  ASSERT_TRUE(socket);
  const SocketAddress address = SocketAddress::of_socket(socket->get());
  int accepted = 0;
  const uint64_t faults = faults_counted(Fault::kAccept);
  syscalls.on_accept = {{EMFILE}};
  Acceptor acceptor(loop, std::move(*socket), [&](UniqueFd, const SocketAddress&) { ++accepted; });
  UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), address.data(), address.length()), 0);
  for (int i = 0; i < 100 && accepted == 0; ++i) loop.run_once(Milliseconds(50));
  EXPECT_EQ(faults_counted(Fault::kAccept), faults + 1);
  EXPECT_EQ(accepted, 1);
}

TEST(EventLoopTest, MessagesFromOneThreadArriveInOrder) {
  EventLoop loop;
  std::string order;
  for (char c = 'a'; c <= 'e'; ++c) loop.post([&order, c] { order += c; });
  loop.run_once(Milliseconds(1000));
  EXPECT_EQ(order, "abcde");
}

Task<int> immediate(int value) {
  co_return value;
}

TEST(TaskTest, ALongLoopOfReadyTasksUsesConstantStack) {
  TaskGroup tasks;
  long total = 0;
  auto sum = [&]() -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) total += co_await immediate(1);
  };
  tasks.spawn(sum());
  EXPECT_EQ(total, 1'000'000);
}

TEST(TaskTest, JoinWaitsForEveryTaskAndTheWaiterMayDestroyTheGroup) {
  EventLoop loop;
  int ended = 0;
  bool joined = false;
  TaskGroup outer;
  auto parent = [&]() -> Task<void> {
    auto child = [&](Milliseconds delay) -> Task<void> {
      co_await sleep_for(loop, delay);
      ++ended;
    };
    {
      TaskGroup children;
      children.spawn(child(Milliseconds(1)));
      children.spawn(child(Milliseconds(5)));
      co_await children.join();
    }
    joined = true;
  };
  outer.spawn(parent());
  for (int i = 0; i < 100 && !joined; ++i) loop.run_once(Milliseconds(50));
  EXPECT_TRUE(joined);
  EXPECT_EQ(ended, 2);
}

}  // namespace
}  // namespace portcullis

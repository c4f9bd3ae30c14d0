#include "runtime/stream.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/faults.h"
#include "faulty_syscalls.h"
#include "runtime/acceptor.h"
#include "runtime/task.h"

namespace portcullis {
namespace {

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

}  // namespace
}  // namespace portcullis

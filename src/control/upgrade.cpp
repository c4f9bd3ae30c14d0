#include "control/upgrade.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>

#include "base/say.h"

namespace portcullis::control {
namespace {

constexpr size_t kMaxDescriptors = 250;  // the kernel allows 253 in one message
constexpr timeval kReceiveTimeout{10, 0};
constexpr std::string_view kEnd = "end";
constexpr std::string_view kReady = "ready";
constexpr std::string_view kRefused = "refused ";  // the message goes on with the reason

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{"the path of the upgrade socket must have 1 to " +
                 std::to_string(sizeof address.sun_path - 1) + " bytes"};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// The path at which a new socket is made before it replaces the one at `path`, so that a process listens at
// `path` at any time.
std::string fresh_path(const std::string& path) {
  return path + ".new";
}

Error system_error(const std::string& what) {
  return Error{"upgrade: " + what + ": " + std::strerror(errno)};
}

// Sends a message without waiting. False with errno on an error: EAGAIN when there is no room until the peer
// has read.
bool send_message(int peer, std::string_view text, const int* descriptors, size_t count) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  iovec piece{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(peer, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(text.size());
}

// The process at the other end, or the one that listened there; an invalid user id when the process is not
// known.
ucred other_end(int peer) {
  ucred who{0, static_cast<uid_t>(-1), static_cast<gid_t>(-1)};
  socklen_t length = sizeof who;
  ::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &length);
  return who;
}

std::string describe_user(uid_t user) {
  const passwd* known = ::getpwuid(user);
  return "the user `" + (known != nullptr ? std::string(known->pw_name) : std::to_string(user)) + "`";
}

void refuse(int peer, const std::string& why) {
  send_message(peer, std::string(kRefused) + why, nullptr, 0);
}

enum class Wait { kNo, kAsSocket };

// Receives a message. False on an error, with errno, and at the end of the connection, with errno 0.
bool receive_message(int peer, Wait wait, std::string& text, std::vector<UniqueFd>& descriptors) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  std::array<char, 512> buffer;
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(peer, &message, MSG_CMSG_CLOEXEC | (wait == Wait::kNo ? MSG_DONTWAIT : 0));
  } while (got < 0 && errno == EINTR);
  if (got == 0) errno = 0;
  if (got <= 0) return false;
  text.assign(buffer.data(), static_cast<size_t>(got));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  // The message was truncated because of the limit of descriptors.
  if ((message.msg_flags & MSG_CTRUNC) != 0) errno = EMFILE;
  return (message.msg_flags & MSG_CTRUNC) == 0;
}

}  // namespace

Result<std::unique_ptr<Succession>> Succession::ask(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  UniqueFd peer(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!peer) return system_error("cannot open a socket");
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::unique_ptr<Succession>();
    return system_error("cannot reach " + path);
  }
  return receive(std::move(peer));
}

namespace {

Error refusal_error(const std::string& message) {
  return Error{"upgrade: the process that serves refuses to be replaced: " + message.substr(kRefused.size())};
}

Error reception_error(int peer) {
  const ucred who = other_end(peer);
  // A predecessor that is too old for these messages closes the connection without one.
  if ((errno == 0 || errno == ECONNRESET) && who.uid != ::geteuid())
    return Error{"upgrade: process " + std::to_string(who.pid) + " of " + describe_user(who.uid) +
                 " passed nothing on to this one of " + describe_user(::geteuid()) +
                 ": send SIGUSR2 to it instead, and it starts its successor"};
  if (errno == 0)
    return Error{"upgrade: the predecessor closed the connection before it had passed its sockets on"};
  if (errno == EAGAIN)
    return Error{"upgrade: the predecessor did not pass its sockets on within " +
                 std::to_string(kReceiveTimeout.tv_sec) + " seconds"};
  return system_error("cannot receive the predecessor's sockets");
}

}  // namespace

Result<std::unique_ptr<Succession>> Succession::receive(UniqueFd peer) {
  // A predecessor that hangs must not block its successor.
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof kReceiveTimeout);
  auto made = std::make_unique<Succession>();
  for (;;) {
    std::string name;
    std::vector<UniqueFd> descriptors;
    if (!receive_message(peer.get(), Wait::kAsSocket, name, descriptors)) return reception_error(peer.get());
    if (name.starts_with(kRefused)) return refusal_error(name);
    if (name == kEnd) break;
    for (UniqueFd& one : descriptors) made->sockets_[name].push_back(std::move(one));
  }
  made->peer_ = std::move(peer);
  return made;
}

Status Succession::check() const {
  std::string text;
  std::vector<UniqueFd> none;
  if (receive_message(peer_.get(), Wait::kNo, text, none) && text.starts_with(kRefused))
    return refusal_error(text);
  return {};  // no error when the old process has ended, because it needs no message then
}

Status Succession::confirm() {
  const bool sent = send_message(peer_.get(), kReady, nullptr, 0);
  Status checked = sent ? Status() : check();
  peer_.reset();
  return checked;
}

// A process that gets the sockets and has not reported yet whether it can serve. Messages for which its
// socket has no room are sent after the process has read others: it may read seconds later, and the loop
// never waits for it.
class UpgradePoint::Successor final : private Watcher, private Timer {
 public:
  Successor(UpgradePoint& point, UniqueFd peer) : point_(point), peer_(std::move(peer)) {}
  ~Successor() { point_.loop_.unwatch(peer_.get(), *this); }

  // Sends a message, or stores it with duplicates of its descriptors until there is room.
  Status pass(std::string_view text, const int* descriptors, size_t count) {
    if (waiting_.empty()) {
      if (send_message(peer_.get(), text, descriptors, count)) return {};
      if (errno != EAGAIN) return system_error("cannot pass the sockets on");
    }
    Message message{std::string(text), {}};
    for (size_t i = 0; i < count; ++i) {
      message.descriptors.emplace_back(::fcntl(descriptors[i], F_DUPFD_CLOEXEC, 0));
      if (!message.descriptors.back()) return system_error("cannot pass the sockets on");
    }
    waiting_.push_back(std::move(message));
    return {};
  }

  // Called after the last message: sends the stored messages, and awaits the answer of the process.
  Status follow(Milliseconds limit) {
    point_.loop_.arm(*this, limit);
    return watch();
  }

 private:
  Status watch() {
    if (!point_.loop_.watch(peer_.get(), waiting_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT, *this))
      return system_error("cannot follow the successor");
    return {};
  }

  struct Message {
    std::string text;
    std::vector<UniqueFd> descriptors;
  };

  void fire() override {
    const std::string seconds = std::to_string(kSuccessorLimit.count() / 1'000);
    say(Level::kWarning, "the successor does not serve requests after " + seconds +
                             " seconds; this process no longer waits for it");
    refuse(peer_.get(), "the successor did not serve requests after " + seconds + " seconds");
    UpgradePoint& point = point_;
    point.successor_.reset();  // destroys this object
    point.hooks_.on_failed();
  }

  void on_events(uint32_t events) override {
    Status sent;
    if ((events & EPOLLOUT) != 0 && !waiting_.empty()) sent = send_waiting();
    const bool answered = (events & ~EPOLLOUT) != 0;
    if (sent && !answered) return;
    bool ready = false;
    if (sent) {
      std::string text;
      std::vector<UniqueFd> none;
      ready = receive_message(peer_.get(), Wait::kNo, text, none) && text == kReady && waiting_.empty();
    } else {
      say(Level::kWarning, sent.error().message);
    }
    UpgradePoint& point = point_;
    point.successor_.reset();  // destroys this object
    ready ? point.hooks_.on_succeeded() : point.hooks_.on_failed();
  }

  Status send_waiting() {
    while (!waiting_.empty()) {
      const Message& next = waiting_.front();
      std::vector<int> descriptors;
      for (const UniqueFd& one : next.descriptors) descriptors.push_back(one.get());
      if (!send_message(peer_.get(), next.text, descriptors.data(), descriptors.size())) {
        if (errno == EAGAIN) return {};
        return system_error("cannot pass the sockets on");
      }
      waiting_.pop_front();
    }
    point_.loop_.unwatch(peer_.get(), *this);
    return watch();
  }

  UpgradePoint& point_;
  UniqueFd peer_;
  std::deque<Message> waiting_;
};

UpgradePoint::UpgradePoint(EventLoop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}

UpgradePoint::~UpgradePoint() {
  if (prepared_) ::unlink(fresh_path(path_).c_str());
  file_.remove_all();
}

Status UpgradePoint::prepare(const std::string& path) {
  if (const auto address = unix_address(path); !address) return address.error();
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("cannot open a socket");
  const std::string fresh = fresh_path(path);
  const auto address = unix_address(fresh);
  if (!address) return address.error();
  ::unlink(fresh.c_str());
  // The mode is set before the socket is bound, and the file takes it over. A chmod() of the path would
  // follow a symbolic link that the owner of the folder has put there meanwhile.
  if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(socket.get(), 4) != 0) {
    return system_error("cannot listen at " + path);
  }
  path_ = path;
  prepared_ = std::move(socket);
  return {};
}

Status UpgradePoint::listen() {
  if (!prepared_) return {};
  if (::rename(fresh_path(path_).c_str(), path_.c_str()) != 0)
    return system_error("cannot listen at " + path_);
  file_.add(path_);
  acceptor_ = std::make_unique<Acceptor>(
      loop_, std::move(prepared_), [this](UniqueFd fd, const SocketAddress&) { receive(std::move(fd)); });
  return {};
}

std::string UpgradePoint::reason_to_refuse() const {
  if (std::string why = hooks_.refusal(); !why.empty()) return why;
  return successor_ ? "another process is taking over already" : "";
}

// Handles a connection of a process that asks at the path.
void UpgradePoint::receive(UniqueFd peer) {
  const auto kept = std::make_shared<UniqueFd>(std::move(peer));
  hooks_.when_settled([this, kept] { answer(std::move(*kept)); });
}

void UpgradePoint::answer(UniqueFd peer) {
  const ucred who = other_end(peer.get());
  const std::string why = who.uid != ::geteuid()
                              ? "it runs as " + describe_user(::geteuid()) +
                                    ", and the process that asks as " + describe_user(who.uid) +
                                    ": send SIGUSR2 to process " + std::to_string(::getpid()) +
                                    " instead, which then starts its successor"
                              : reason_to_refuse();
  if (why.empty()) return serve(std::move(peer), kSuccessorLimit);
  say(Level::kWarning, "process " + std::to_string(who.pid) + " of " + describe_user(who.uid) +
                           " asked at the upgrade socket to take over and was refused: " + why);
  refuse(peer.get(), why);
}

void UpgradePoint::serve(UniqueFd peer, Milliseconds limit) {
  auto successor = std::make_unique<Successor>(*this, std::move(peer));
  if (Status passed = pass_sockets(*successor); !passed) return say(Level::kWarning, passed.error().message);
  if (Status followed = successor->follow(limit); !followed)
    return say(Level::kWarning, followed.error().message);
  successor_ = std::move(successor);
}

Status UpgradePoint::pass_sockets(Successor& successor) {
  for (const auto& [name, sockets] : hooks_.sockets()) {
    for (size_t i = 0; i < sockets.size(); i += kMaxDescriptors) {
      const size_t count = std::min(kMaxDescriptors, sockets.size() - i);
      if (Status passed = successor.pass(name, sockets.data() + i, count); !passed) return passed;
    }
  }
  if (Status passed = successor.pass(kEnd, nullptr, 0); !passed) return passed;
  return {};
}

}  // namespace portcullis::control

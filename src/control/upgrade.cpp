#include "control/upgrade.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace portcullis::control {
namespace {

constexpr size_t kMostDescriptors = 250;  // the kernel takes 253 in one message
constexpr std::string_view kEnd = "end";
constexpr std::string_view kReady = "ready";

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{"the path of the upgrade socket must have 1 to " +
                 std::to_string(sizeof address.sun_path - 1) + " bytes"};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Error system_error(const std::string& what) {
  return Error{"upgrade: " + what + ": " + std::strerror(errno)};
}

bool send_message(int peer, std::string_view text, const int* descriptors, size_t count) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> control{};
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
    sent = ::sendmsg(peer, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(text.size());
}

// False at the end or on an error.
bool receive_message(int peer, std::string& text, std::vector<UniqueFd>& descriptors) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> control{};
  std::array<char, 512> buffer;
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
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
  return true;
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

Result<std::unique_ptr<Succession>> Succession::receive(UniqueFd peer) {
  // A predecessor that hangs must not hang its successor too.
  const timeval patience{10, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto made = std::make_unique<Succession>();
  for (;;) {
    std::string name;
    std::vector<UniqueFd> descriptors;
    if (!receive_message(peer.get(), name, descriptors))
      return system_error("the predecessor passed nothing on");
    if (name == kEnd) break;
    for (UniqueFd& one : descriptors) made->sockets_[name].push_back(std::move(one));
  }
  made->peer_ = std::move(peer);
  return made;
}

void Succession::confirm() {
  send_message(peer_.get(), kReady, nullptr, 0);
  peer_.reset();
}

// A process that has got the sockets and has not said yet whether it can serve.
class UpgradePoint::Successor final : private Watcher {
 public:
  Successor(UpgradePoint& point, UniqueFd peer) : point_(point), peer_(std::move(peer)) {
    point_.loop_.watch(peer_.get(), EPOLLIN, *this);
  }
  ~Successor() { point_.loop_.unwatch(peer_.get(), *this); }

 private:
  void on_events(uint32_t) override {
    std::string text;
    std::vector<UniqueFd> none;
    const bool ready = receive_message(peer_.get(), text, none) && text == kReady;
    UpgradePoint& point = point_;
    point.successor_.reset();  // ends this object
    ready ? point.hooks_.on_succeeded() : point.hooks_.on_failed();
  }

  UpgradePoint& point_;
  UniqueFd peer_;
};

UpgradePoint::UpgradePoint(EventLoop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}
UpgradePoint::~UpgradePoint() = default;

Status UpgradePoint::listen(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("cannot open a socket");
  // Under another name first, so that a process listens at `path` at any time.
  const std::string fresh = path + ".new";
  const auto fresh_address = unix_address(fresh);
  if (!fresh_address) return fresh_address.error();
  ::unlink(fresh.c_str());
  // Before it is bound: the file gets what the socket has. A chmod() of the path would follow a symbolic link
  // that the folder's owner has put there meanwhile.
  if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*fresh_address), sizeof *fresh_address) != 0 ||
      ::listen(socket.get(), 4) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return system_error("cannot listen at " + path);
  }
  acceptor_ = std::make_unique<Acceptor>(
      loop_, std::move(socket), [this](UniqueFd fd, const SocketAddress&) { serve(std::move(fd)); },
      [](int) {});
  return {};
}

void UpgradePoint::serve(UniqueFd peer) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || who.uid != ::geteuid()) return;
  for (const auto& [name, sockets] : hooks_.sockets()) {
    for (size_t i = 0; i < sockets.size(); i += kMostDescriptors) {
      if (!send_message(peer.get(), name, sockets.data() + i, std::min(kMostDescriptors, sockets.size() - i)))
        return;
    }
  }
  if (!send_message(peer.get(), kEnd, nullptr, 0)) return;
  if (successor_) hooks_.on_failed();
  successor_ = std::make_unique<Successor>(*this, std::move(peer));
}

}  // namespace portcullis::control

#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace portcullis::redis {

// A server on loopback that speaks the Redis protocol and answers as the test says.
class FakeRedis {
 public:
  using Words = std::vector<std::string>;
  // The bytes of the reply to a command; "" closes the connection.
  using Answer = std::function<std::string(const Words&)>;

  explicit FakeRedis(Answer answer) : answer_(std::move(answer)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&place), size);
    ::listen(listener_.get(), 16);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&place), &size);
    port_ = ntohs(place.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // The commands that have come, without PING.
  std::vector<Words> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // How often a command with this first word has come.
  size_t count(const std::string& word) const {
    size_t out = 0;
    for (const Words& words : seen()) out += words.front() == word ? 1 : 0;
    return out;
  }
  // From now on replies are sent in pieces of one byte.
  void send_slowly() { slowly_ = true; }

 private:
  struct Peer {
    UniqueFd socket;
    std::string input;
  };

  void serve(const std::stop_token& stop) {
    std::vector<Peer> peers;
    while (!stop.stop_requested()) {
      std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0}};
      for (const Peer& peer : peers) waiting.push_back({peer.socket.get(), POLLIN, 0});
      if (::poll(waiting.data(), waiting.size(), 10) <= 0) continue;
      for (size_t i = peers.size(); i-- > 0;) {
        if (waiting[i + 1].revents != 0 && !receive(peers[i]))
          peers.erase(peers.begin() + static_cast<ptrdiff_t>(i));
      }
      if (waiting[0].revents != 0)
        peers.push_back({UniqueFd(::accept(listener_.get(), nullptr, nullptr)), ""});
    }
  }
  bool receive(Peer& peer) {
    char buffer[4096];
    const ssize_t got = ::recv(peer.socket.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    peer.input.append(buffer, static_cast<size_t>(got));
    Words words;
    while (take_command(peer.input, words)) {
      if (!reply(peer, words)) return false;
    }
    return true;
  }
  bool reply(const Peer& peer, const Words& words) {
    std::string bytes;
    if (words.front() == "PING") {
      bytes = "+PONG\r\n";
    } else {
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(words);
      }
      bytes = answer_(words);
    }
    if (bytes.empty()) return false;
    const size_t piece = slowly_ ? 1 : bytes.size();
    for (size_t at = 0; at < bytes.size(); at += piece) {
      ::send(peer.socket.get(), bytes.data() + at, std::min(piece, bytes.size() - at), MSG_NOSIGNAL);
      if (slowly_) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }
  // Takes "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" from the front of `input`.
  static bool take_command(std::string& input, Words& words) {
    words.clear();
    size_t at = 0;
    const auto number = [&](char mark, size_t& value) {
      const size_t end = input.find("\r\n", at);
      if (end == std::string::npos || input[at] != mark) return false;
      value = std::stoul(input.substr(at + 1, end - at - 1));
      at = end + 2;
      return true;
    };
    size_t count = 0;
    if (!number('*', count)) return false;
    for (size_t i = 0; i < count; ++i) {
      size_t size = 0;
      if (!number('$', size) || input.size() < at + size + 2) return false;
      words.push_back(input.substr(at, size));
      at += size + 2;
    }
    input.erase(0, at);
    return true;
  }

  const Answer answer_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> slowly_{false};
  mutable std::mutex mutex_;  // guards the commands
  std::vector<Words> seen_;
  std::jthread thread_;
};

}  // namespace portcullis::redis

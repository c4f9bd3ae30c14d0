#include "runtime/socket_owner.h"

#include <dirent.h>
#include <netinet/in.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

namespace portcullis {
namespace {

constexpr unsigned kListens = 0x0A;              // TCP_LISTEN in /proc/net/tcp
constexpr unsigned long kAcceptsFlag = 0x10000;  // __SO_ACCEPTCON in /proc/net/unix

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

Folder open_folder(const std::string& path) {
  return {::opendir(path.c_str()), ::closedir};
}

// The kernel prints an address as 32-bit words in host byte order: "0100007F:1F90".
SocketAddress parse_kernel_address(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon != 8 && colon != 32) return {};
  uint32_t words[4]{};
  for (size_t i = 0; i * 8 < colon; ++i)
    words[i] = static_cast<uint32_t>(std::strtoul(text.substr(i * 8, 8).c_str(), nullptr, 16));
  const auto port = htons(
      static_cast<uint16_t>(std::strtoul(text.c_str() + static_cast<ptrdiff_t>(colon) + 1, nullptr, 16)));
  if (colon == 8) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = words[0];
    out.sin_port = port;
    return {reinterpret_cast<const sockaddr*>(&out), sizeof out};
  }
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  std::memcpy(&out.sin6_addr, words, sizeof out.sin6_addr);
  out.sin6_port = port;
  return {reinterpret_cast<const sockaddr*>(&out), sizeof out};
}

bool is_wildcard(const SocketAddress& address) {
  const std::string host = address.host();
  return host == "0.0.0.0" || host == "::";
}

void add_tcp(const char* table, const SocketAddress& address, std::vector<ListeningSocket>& out) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the column titles
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string slot, local, remote, queues, timer, retransmits;
    unsigned state = 0;
    ListeningSocket found;
    unsigned long timeout = 0;
    if (!(columns >> slot >> local >> remote >> std::hex >> state >> queues >> timer >> retransmits >>
          std::dec >> found.user >> timeout >> found.inode) ||
        state != kListens)
      continue;
    const SocketAddress other = parse_kernel_address(local);
    if (other.port() != address.port() ||
        !(is_wildcard(other) || is_wildcard(address) || other.host() == address.host()))
      continue;
    found.address = other.to_string();
    out.push_back(std::move(found));
  }
}

void add_unix(const SocketAddress& address, std::vector<ListeningSocket>& out) {
  std::ifstream file("/proc/net/unix");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream columns(line);
    std::string number, references, protocol, type, state, path;
    unsigned long flags = 0;
    ListeningSocket found;
    if (!(columns >> number >> references >> protocol >> std::hex >> flags >> std::dec >> type >> state >>
          found.inode) ||
        (flags & kAcceptsFlag) == 0)
      continue;
    std::getline(columns >> std::ws, path);
    found.address = "unix:" + path;
    if (found.address == address.to_string()) out.push_back(std::move(found));
  }
}

// True when the process with the folder `process` in /proc has the socket open.
bool has_open(const std::string& process, ino_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  const std::string path = process + "/fd";
  const Folder folder = open_folder(path);
  if (!folder) return false;
  while (const dirent* entry = ::readdir(folder.get())) {
    char target[64];
    const ssize_t length = ::readlink((path + "/" + entry->d_name).c_str(), target, sizeof target);
    if (length > 0 && std::string_view(target, static_cast<size_t>(length)) == wanted) return true;
  }
  return false;
}

}  // namespace

std::vector<ListeningSocket> sockets_listening_at(const SocketAddress& address) {
  std::vector<ListeningSocket> out;
  if (address.is_unix()) {
    add_unix(address, out);
  } else {
    add_tcp("/proc/net/tcp", address, out);
    add_tcp("/proc/net/tcp6", address, out);
  }
  return out;
}

SocketOwner owner_of(const ListeningSocket& socket) {
  SocketOwner out;
  const Folder folder = open_folder("/proc");
  if (!folder) return out;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto process = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    // Of several processes that share the socket, the lowest process id most likely opened it.
    if (process <= 0 || (out.process != 0 && process > out.process)) continue;
    const std::string place = std::string("/proc/") + entry->d_name;
    if (!has_open(place, socket.inode)) continue;
    out.process = process;
    std::ifstream(place + "/comm") >> out.name;
  }
  return out;
}

bool is_own_socket(ino_t inode) {
  return has_open("/proc/self", inode);
}

std::string describe_owner(const SocketAddress& address) {
  const std::vector<ListeningSocket> sockets = sockets_listening_at(address);
  if (sockets.empty()) return "";
  const ListeningSocket& first = sockets.front();
  const std::string where = " listens on " + first.address;
  if (is_own_socket(first.inode)) return "this process itself" + where;
  const SocketOwner owner = owner_of(first);
  if (owner.process != 0) return "process " + std::to_string(owner.process) + " (" + owner.name + ")" + where;
  const passwd* user = ::getpwuid(first.user);
  return "a process of the user " +
         (user != nullptr ? std::string(user->pw_name) : std::to_string(first.user)) + where;
}

}  // namespace portcullis

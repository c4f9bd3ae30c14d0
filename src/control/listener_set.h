#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "proxy/listener.h"

namespace portcullis::control {

// The process's listening sockets, kept so that they can be passed on to a successor. Workers get duplicates.
// Control thread.
class ListenerSet {
 public:
  // Sockets of a predecessor, used instead of opening new ones.
  void inherit(const std::string& address, std::vector<UniqueFd> sockets);

  // Makes the set what `listeners` says: opens what is missing, closes what is not named any more. Returns,
  // for each worker, the sockets that it does not have yet. On an error nothing has changed.
  Result<std::vector<proxy::ListenerSockets>> update(const std::vector<proxy::ListenerSettings>& listeners,
                                                     size_t workers);

  // Gives them, and the files of Unix sockets, to a user as which the process goes on: only sockets of the
  // same user share an address.
  void give_to(uid_t user, gid_t group);

  // By address, for a successor.
  const std::map<std::string, std::vector<UniqueFd>>& sockets() const { return sockets_; }
  void close() { sockets_.clear(); }
  // What the permissions of Unix sockets' files follow, for a successor.
  mode_t first_umask() const { return 0777 & ~socket_mode_; }

 private:
  static mode_t permissions_of_sockets();
  Status open_to_clients(const SocketAddress& address) const;
  Result<std::vector<UniqueFd>> open(const SocketAddress& address, size_t workers);

  static constexpr int kBacklog = 4096;

  // Of the files of Unix sockets, whose clients are often other users: what the umask leaves with which the
  // first of a chain of successors was started.
  const mode_t socket_mode_ = permissions_of_sockets();
  std::map<std::string, std::vector<UniqueFd>> sockets_;
  std::map<std::string, std::vector<UniqueFd>> inherited_;
};

}  // namespace portcullis::control

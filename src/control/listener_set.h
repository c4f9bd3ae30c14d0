#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "proxy/listener.h"
#include "runtime/socket_file.h"

namespace portcullis::control {

// The process's listening sockets, kept so that they can be passed on to a successor. Workers get duplicates.
// Control thread.
class ListenerSet {
 public:
  // Sockets of a predecessor, used instead of opening new ones. Until own_inherited() their files are the
  // predecessor's.
  void inherit(const std::string& address, std::vector<UniqueFd> sockets);
  void own_inherited();

  // What becomes of the files of Unix sockets that this process closes.
  enum class Files {
    kRemoved,
    kLeft,  // to a successor, which has the sockets
  };

  // Makes the set what `listeners` says: opens what is missing, closes what is not named any more, and gives
  // the files of Unix sockets the rights that are set. Returns, for each worker, the sockets that it does not
  // have yet. On an error nothing has changed, but for rights that have been given.
  Result<std::vector<proxy::ListenerSockets>> update(const std::vector<proxy::ListenerSettings>& listeners,
                                                     size_t workers, Files files = Files::kRemoved);
  // The successor to which update() has left files is gone: they are removed.
  void remove_left();

  // Gives them, and the files of Unix sockets, to a user as which the process goes on: only sockets of the
  // same user share an address. A file with a group of its own keeps that.
  void give_to(uid_t user, gid_t group);

  // By address, for a successor.
  const std::map<std::string, std::vector<UniqueFd>>& sockets() const { return sockets_; }
  void close(Files files);
  // What the permissions of Unix sockets' files follow, for a successor.
  mode_t first_umask() const { return 0777 & ~socket_mode_; }

 private:
  static mode_t permissions_of_sockets();
  Result<std::vector<UniqueFd>> open(const proxy::ListenerSettings& listener, size_t workers,
                                     SocketFiles& made);
  Status give_rights(const proxy::ListenerSettings& listener, const SocketFileRights& rights) const;
  Status change_rights(const proxy::ListenerSettings& listener);

  static constexpr int kBacklog = 4096;

  // Of the files of Unix sockets, whose clients are often other users: what the umask leaves with which the
  // first of a chain of successors was started. A listener may say otherwise.
  const mode_t socket_mode_ = permissions_of_sockets();
  std::map<std::string, std::vector<UniqueFd>> sockets_;
  std::map<std::string, std::vector<UniqueFd>> inherited_;
  std::map<std::string, SocketFileRights> rights_;  // that have been given, by address
  SocketFiles files_;
  std::vector<std::string> left_;  // addresses whose files update() has left
};

}  // namespace portcullis::control

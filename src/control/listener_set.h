#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "proxy/listener.h"
#include "runtime/socket_file.h"

namespace portcullis::control {

// The listening sockets of the process, kept so that they can be passed on to a successor. Workers get
// duplicates. Control thread.
class ListenerSet {
 public:
  // Adds sockets of a predecessor, which are used instead of opening new ones. The predecessor owns their
  // files until own_inherited() is called.
  void inherit(const std::string& address, std::vector<UniqueFd> sockets);
  void own_inherited();

  // How the files of Unix sockets that this process closes are handled.
  enum class Files {
    kRemoved,
    kLeft,  // kept for a successor, which has the sockets
  };

  // A change of the set that can still be given up, by destroying it.
  class Change {
   public:
    Change() = default;
    Change(Change&&) = default;
    Change& operator=(Change&&) = default;
    ~Change() { made_.remove_all(); }

   private:
    friend class ListenerSet;
    std::vector<proxy::ListenerSockets> shares_;  // for each worker, those that it does not have yet
    std::map<std::string, std::vector<UniqueFd>> fresh_;
    std::map<std::string, SocketFileRights> wanted_;  // all addresses of the changed set
    SocketFiles made_;
  };
  // Opens the sockets of listeners that are not in the set, and gives the files of Unix sockets their
  // configured rights. After an error nothing has changed, except for rights of files.
  Result<Change> prepare(const std::vector<proxy::ListenerSettings>& listeners, size_t workers);
  // Makes the change: closes the sockets of removed listeners. Returns, for each worker, the sockets that the
  // worker does not have yet.
  std::vector<proxy::ListenerSockets> apply(Change change, Files files = Files::kRemoved);
  // Both at once.
  Result<std::vector<proxy::ListenerSockets>> update(const std::vector<proxy::ListenerSettings>& listeners,
                                                     size_t workers, Files files = Files::kRemoved);
  // Removes the files that apply() has left to a successor. Called when that successor has gone.
  void remove_left();

  // Gives the sockets, and the files of Unix sockets, to the user that the process becomes, because only
  // sockets of the same user can share an address. A file with a configured group keeps that group.
  void give_to(uid_t user, gid_t group);

  // The sockets by address, for a successor.
  const std::map<std::string, std::vector<UniqueFd>>& sockets() const { return sockets_; }
  void close(Files files);
  // The umask from which the permissions of the files of Unix sockets follow, for a successor.
  mode_t first_umask() const { return 0777 & ~socket_mode_; }

 private:
  static mode_t permissions_of_sockets();
  Result<std::vector<UniqueFd>> open(const proxy::ListenerSettings& listener, size_t workers,
                                     SocketFiles& made);
  Status give_rights(const proxy::ListenerSettings& listener, const SocketFileRights& rights) const;
  Status change_rights(const proxy::ListenerSettings& listener);

  static constexpr int kBacklog = 4096;

  // The default permissions of the files of Unix sockets, whose clients are often other users. They follow
  // from the umask with which the first process in a chain of successors was started. A listener may have
  // other permissions.
  const mode_t socket_mode_ = permissions_of_sockets();
  std::map<std::string, std::vector<UniqueFd>> sockets_;
  std::map<std::string, std::vector<UniqueFd>> inherited_;
  std::map<std::string, SocketFileRights> rights_;  // the configured rights that have been given, by address
  SocketFiles files_;
  std::vector<std::string> left_;  // addresses whose files apply() has left to a successor
};

}  // namespace portcullis::control

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace portcullis::control {

// The user that a gateway becomes which was started as root, after it has bound its addresses.
struct Identity {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;

  // Finds the user `text`: NAME or NAME:GROUP, where both may be numbers. The default group is the user's
  // primary group.
  static Result<Identity> find(const std::string& text);
  // True when this process runs as that user already, such as the successor of a process that has become the
  // user.
  bool is_current() const;
};

// Sets the groups of all threads to those of the identity, permanently. The process stays root.
Status take_groups(const Identity& identity);

// While this object lives, all threads open and make files as that user. Changes nothing when the identity is
// null.
class ActingAs {
 public:
  explicit ActingAs(const Identity* identity);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();
  // An error when nothing could be changed: files are then made as the previous user.
  const Status& status() const { return status_; }

 private:
  const uid_t before_;
  Status status_;
};

enum class LowPorts { kNoMore, kKept };
// Becomes that user permanently, in all threads, and checks that there is no way back. No capability of root
// is left, except with LowPorts::kKept: then CAP_NET_BIND_SERVICE is kept for this thread and for programs
// that it starts.
Status become(const Identity& identity, LowPorts low_ports);

}  // namespace portcullis::control

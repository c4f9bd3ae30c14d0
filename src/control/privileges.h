#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace portcullis::control {

// The user that a gateway which was started as root becomes once it has bound its addresses.
struct Identity {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;

  // `text`: NAME or NAME:GROUP, where both may be numbers. Without a group it is the user's own.
  static Result<Identity> find(const std::string& text);
  // True when this process is that user already, as one that an earlier one has started is.
  bool is_current() const;
};

// Takes the identity's groups for good, and no others, in all threads. The process stays root.
Status take_groups(const Identity& identity);

// While it lives, files are opened and made as that user, by all threads. Null: nothing changes.
class ActingAs {
 public:
  explicit ActingAs(const Identity* identity);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();
  // An error: nothing has changed, and what is made now is made as the user before.
  const Status& status() const { return status_; }

 private:
  const uid_t before_;
  Status status_;
};

enum class LowPorts { kNoMore, kKept };
// Becomes that user for good, in all threads, and checks that there is no way back. Of root's capabilities
// none is left; with LowPorts::kKept CAP_NET_BIND_SERVICE is, for this thread and for programs that it
// starts.
Status become(const Identity& identity, LowPorts low_ports);

}  // namespace portcullis::control

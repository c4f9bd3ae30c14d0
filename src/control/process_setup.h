#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace portcullis::control {

// What a gateway's process is before it serves. Main thread, before threads start that open files.

// As many descriptors as the system allows: the soft limit is often a thousand, for programs that use
// select().
void raise_descriptor_limit();
// Whether the limit leaves room for what the gateway itself opens and a few connections. An error says how
// many it takes.
Status check_descriptor_limit(size_t workers, size_t listeners);
// The same before anything is known of the configuration.
Status check_descriptor_limit();

enum class CoreDumps { kNo, kYes };
// Memory holds keys and secrets, so by default no core file is written. /proc/PID stays readable as before,
// and the hard limit is left alone: `prlimit --core=unlimited --pid PID` allows a dump of a process that
// runs.
void set_core_dumps(CoreDumps wanted);

// Files that are made from here on are at most 0640, folders and sockets 0750.
void restrict_file_modes();

}  // namespace portcullis::control

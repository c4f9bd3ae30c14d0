#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace portcullis::control {

// Settings of the process that are made before the gateway serves. Called on the main thread, before threads
// start that open files.

// Raises the limit of descriptors to the hard limit. The soft limit is often about a thousand, for programs
// that use select().
void raise_descriptor_limit();
// Checks that the limit of descriptors is high enough for what the gateway itself opens and a few
// connections. An error says how many descriptors are needed.
Status check_descriptor_limit(size_t workers, size_t listeners);
// The same check before the configuration is known.
Status check_descriptor_limit();

enum class CoreDumps { kNo, kYes };
// Sets whether core files are written. Memory holds keys and secrets, so by default no core file is written.
// /proc/PID stays readable as before, and the hard limit is left alone: `prlimit --core=unlimited --pid PID`
// allows a dump of a process that runs.
void set_core_dumps(CoreDumps wanted);

// From this call on, new files have at most the mode 0640, new folders and sockets 0750.
void restrict_file_modes();

}  // namespace portcullis::control

#pragma once

namespace portcullis::telemetry {

// The kernel's figures about this process. On the control loop's thread.
struct ProcessState {
  double cpu_seconds = 0;  // user and system time
  double resident_bytes = 0;
  double open_descriptors = 0;
  double max_descriptors = 0;
  double started_at = 0;  // seconds since 1970
};
ProcessState read_process_state();

}  // namespace portcullis::telemetry

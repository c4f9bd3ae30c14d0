#pragma once

namespace portcullis::cli {

// Installs handlers that report a crash on standard error: the signal, the thread and the stack. The process
// then ends as it would have without the report. Call this before other threads start.
void report_crashes();

}  // namespace portcullis::cli

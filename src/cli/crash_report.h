#pragma once

namespace portcullis::cli {

// From now on the process, when it crashes, says on standard error what happened, in which thread, and where
// it was; then it ends as it would have. Call it before other threads start.
void report_crashes();

}  // namespace portcullis::cli

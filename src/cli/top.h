#pragma once

#include "cli/admin_client.h"
#include "cli/explain.h"

namespace portcullis::cli {

// What goes on in a running gateway, once a second, until `q`; once and as plain text where no terminal is
// there, or `once` says so. Returns the exit code: 2 when it could not be asked.
int top(const AdminPlace& place, bool once, OutputFormat format);

}  // namespace portcullis::cli

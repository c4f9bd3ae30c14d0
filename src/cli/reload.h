#pragma once

#include "cli/admin_client.h"

namespace portcullis::cli {

// Tells a running gateway to reload, and says how it went. Returns the exit code: 0 when it serves the new
// configuration, 1 when it has refused it, 2 when it could not be asked.
int reload(const AdminPlace& place);

}  // namespace portcullis::cli

#pragma once

#include "telemetry/ends.h"

namespace portcullis::policy {

// A policy's own reasons are the table kReasons in its folder's reasons.h, and Kind::reasons has them.
using telemetry::EndReason;
using telemetry::kEnds;

}  // namespace portcullis::policy

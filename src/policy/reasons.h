#pragma once

#include "telemetry/ends.h"

namespace portcullis::policy {

// The reasons of a single policy are the table kReasons in the reasons.h of its folder; they are also in
// Kind::reasons.
using telemetry::EndReason;
using telemetry::kEnds;

}  // namespace portcullis::policy

#pragma once

#include "base/percent.h"

namespace portcullis::telemetry {

// Which requests are reported to a collector of traces. The members have the names of the configuration's
// keys.
struct TraceSampling {
  FineShare sample{100};      // of the requests for which the client has not decided
  bool honour_parent = true;  // continues the client's trace, and follows its decision
  bool errors = true;         // failed requests are reported even if they are not in the sample
};

}  // namespace portcullis::telemetry

#pragma once

namespace portcullis::control {

// How much of a configuration differs from the one in force.
enum class Extent {
  kWhole,   // any part, and files that it names are to be read again
  kRouting  // only routes, upstreams, policy sets and `errors`
};

}  // namespace portcullis::control

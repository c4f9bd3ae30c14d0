#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "routing/route_table.h"

namespace portcullis {

// A rule for tests, of a route with this `match`.
inline routing::RouteRule rule_of(routing::Match match, std::vector<std::string> listeners = {}) {
  return {std::make_shared<const routing::Match>(std::move(match)), false, std::move(listeners)};
}

}  // namespace portcullis

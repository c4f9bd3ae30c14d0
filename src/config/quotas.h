#pragma once

#include <chrono>
#include <string>

#include "config/redis.h"
#include "config/schema.h"

// Where the counters of limits and quotas are kept.
namespace portcullis::config {

// The persistent place of the counts of quotas.
struct Quotas {
  Location location;
  std::string file;
  bool redis = false;
  std::chrono::milliseconds interval{1'000};
};

Type<Quotas> quotas_type();
// Reports a place for the counters that is not clear, or does not exist.
void check_quotas(const Quotas& quotas, const Redis& redis, Diagnostics& diagnostics);

}  // namespace portcullis::config

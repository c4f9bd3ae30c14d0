#pragma once

#include <chrono>
#include <string>

#include "config/schema.h"
#include "redis/settings.h"

// Where the counters of limits and quotas are kept.
namespace portcullis::config {

// The Redis server that nodes share.
using Redis = redis::Settings;

// The persistent place of the counts of quotas.
struct Quotas {
  Location location;
  std::string file;
  bool redis = false;
  std::chrono::milliseconds interval{1'000};
};

Type<Redis> redis_type();
Type<Quotas> quotas_type();
// Reports a place for the counters that is not clear, or does not exist.
void check_quotas(const Quotas& quotas, const Redis& redis, Diagnostics& diagnostics);

}  // namespace portcullis::config

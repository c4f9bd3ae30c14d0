#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sqlite/database.h"

namespace portcullis::store {

// The row of `meta` that Store::set_canary() writes.
constexpr std::string_view kCanaryRow = "canary";

// Stores which revision is in force, and what is known of the canary beside it (Draft::canary), which is
// empty without one, but not null. Belongs into the transaction that makes it so.
Status set_in_force(sqlite::Database& database, uint64_t number, std::string_view canary);

}  // namespace portcullis::store

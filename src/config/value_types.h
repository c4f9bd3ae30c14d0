#pragma once

#include <chrono>

#include "base/text.h"
#include "config/schema.h"

namespace portcullis::config {

// An amount in a time, as in "100/s" or "10/30s".
struct Rate {
  uint64_t amount = 0;
  std::chrono::milliseconds period{0};
};
TypePointer rate();  // Rate

// A moment, as in 2027-01-31 or 2027-01-31T12:00:00Z, in UTC: std::chrono::sys_seconds.
TypePointer timestamp();

// A share, as in 20%: uint64_t, 0 to 100.
TypePointer percent();

// A share that may be small, as in 0.1%.
struct FineShare {
  uint32_t of_10_000 = 0;
};
TypePointer fine_share();  // FineShare

// Statuses of responses, as in 200, 200-299 or 2xx.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;
};
TypePointer status_range();  // StatusRange
// Those of all of them, sorted.
std::vector<uint16_t> statuses_of(const std::vector<StatusRange>& ranges);

// What is either the object, or a scalar that stands for one of its fields.
TypePointer shorthand(std::shared_ptr<const ObjectType> object, std::string field);

// What `list` takes, or one of its elements alone, which stands for a list of one.
TypePointer one_or_many(TypePointer element, std::shared_ptr<const ListType> list);

// A list of T that may be written as its only element: std::vector<T>.
template <typename T>
TypePointer one_or_list_of(const TypePointer& element) {
  return one_or_many(element, std::make_shared<VectorType<T>>(element));
}

}  // namespace portcullis::config

#include "proxy/address_counts.h"

#include <algorithm>
#include <string_view>

namespace portcullis::proxy {

AddressCounts::Place AddressCounts::place_of(const IpAddress& address) const {
  constexpr size_t kSubscriber = 8;
  const size_t size = address.is_v4() ? address.bytes.size() : kSubscriber;
  const uint64_t hash = hash_(std::string_view(reinterpret_cast<const char*>(address.bytes.data()), size));
  return {{static_cast<uint16_t>(hash % kCells), static_cast<uint16_t>((hash >> 32) % kCells)}};
}

bool AddressCounts::add(const Place& place, uint64_t limit) {
  uint64_t there = UINT64_MAX;
  for (size_t row = 0; row < rows_.size(); ++row)
    there = std::min<uint64_t>(there, rows_[row][place.cells[row]].fetch_add(1, std::memory_order_relaxed));
  if (there < limit) return true;
  remove(place);
  return false;
}

void AddressCounts::remove(const Place& place) {
  for (size_t row = 0; row < rows_.size(); ++row)
    rows_[row][place.cells[row]].fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace portcullis::proxy

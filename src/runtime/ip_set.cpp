#include "runtime/ip_set.h"

#include <algorithm>

namespace portcullis {
namespace {

template <typename Interval, typename T>
bool any_holds(const Interval* begin, const Interval* end, T number) {
  const Interval* found =
      std::partition_point(begin, end, [number](const Interval& one) { return one.last < number; });
  return found != end && found->first <= number;
}

}  // namespace

IpSet::Number IpSet::number_of(const IpAddress& address) {
  Number out = 0;
  for (const uint8_t byte : address.bytes) out = out << 8 | byte;
  return out;
}

IpSet::IpSet(const std::vector<IpRange>& ranges) {
  std::vector<Interval<Number>> all;
  all.reserve(ranges.size());
  for (const IpRange& range : ranges) all.push_back({number_of(range.first()), number_of(range.last())});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto add_v4 = [this](Number first, Number last) {
    v4_.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(last)});
  };
  for (size_t i = 0; i < all.size();) {
    Interval<Number> merged = all[i];
    for (++i; i < all.size() && (merged.last == ~Number{0} || all[i].first <= merged.last + 1); ++i)
      merged.last = std::max(merged.last, all[i].last);
    v6_.push_back(merged);
    // The part of the interval that lies in the IPv4 range, if any.
    const Number first = std::max(merged.first, kMapped), last = std::min(merged.last, kMapped + 0xFFFFFFFFu);
    if (first <= last) add_v4(first - kMapped, last - kMapped);
  }
  if (v4_.empty()) return;
  v4_index_.resize(65'537);
  uint32_t at = 0;
  for (uint32_t half = 0; half <= 65'536; ++half) {
    while (at < v4_.size() && v4_[at].last < static_cast<uint64_t>(half) << 16) ++at;
    v4_index_[half] = at;
  }
}

bool IpSet::contains(const IpAddress& address) const {
  const Number number = number_of(address);
  if (number < kMapped || number > kMapped + 0xFFFFFFFFu)
    return any_holds(v6_.data(), v6_.data() + v6_.size(), number);
  if (v4_.empty()) return false;
  const auto v4 = static_cast<uint32_t>(number);
  const uint32_t begin = v4_index_[v4 >> 16];
  const uint32_t end = std::min<uint32_t>(v4_index_[(v4 >> 16) + 1] + 1, static_cast<uint32_t>(v4_.size()));
  return any_holds(v4_.data() + begin, v4_.data() + end, v4);
}

}  // namespace portcullis

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>

#include "config/shared_list.h"

namespace portcullis::control {

// Finds the elements that a list shares with the list of an earlier configuration. Fast when the elements are
// asked for in the order of the later list, and few neighbours have changed. The list must outlive the
// object.
template <typename T>
class EarlierElements {
 public:
  explicit EarlierElements(const config::SharedList<T>& list) : list_(list) {}

  // The position of the element in the earlier list. Nothing when it is not there, and when it is far from
  // its neighbours while few of them have been missed.
  std::optional<size_t> find(const T& element) {
    for (size_t at = next_; at < std::min(next_ + missed_ + 2, list_.size()); ++at) {
      if (&list_[at] == &element) {
        next_ = at + 1;
        missed_ = 0;
        return at;
      }
    }
    if (++missed_ < kMaxMissed) return std::nullopt;
    missed_ = kMaxMissed;
    if (positions_.empty()) {
      for (size_t i = 0; i < list_.size(); ++i) positions_.emplace(&list_[i], i);
    }
    const auto found = positions_.find(&element);
    if (found == positions_.end()) return std::nullopt;
    next_ = found->second + 1;
    missed_ = 0;
    return found->second;
  }

 private:
  const config::SharedList<T>& list_;
  // Elements that were replaced or removed are passed over, as many as new elements have been seen.
  static constexpr size_t kMaxMissed = 16;
  size_t next_ = 0;    // where the next element is looked for first
  size_t missed_ = 0;  // the elements since the last one that was found
  std::unordered_map<const T*, size_t> positions_;
};

}  // namespace portcullis::control

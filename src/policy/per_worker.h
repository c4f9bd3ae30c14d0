#pragma once

#include <memory>
#include <vector>

namespace portcullis::policy {

// One T for each worker, made by its first use there: state that a policy, which all workers share, has for
// each of them. No two workers touch the same one or the same cache line.
template <typename T>
class PerWorker {
 public:
  explicit PerWorker(size_t workers) : slots_(workers) {}

  template <typename Make>
  T& get(size_t worker, Make make) const {
    std::unique_ptr<T>& mine = slots_[worker].value;
    if (!mine) mine = make();
    return *mine;
  }

  // The worker's, or null when it has not been used there.
  T* peek(size_t worker) const { return slots_[worker].value.get(); }

 private:
  struct alignas(64) Slot {
    std::unique_ptr<T> value;
  };
  mutable std::vector<Slot> slots_;
};

}  // namespace portcullis::policy

#pragma once

#include <memory>
#include <vector>

namespace portcullis::policy {

// Holds one T for each worker, made at its first use on that worker: the per-worker state of a policy that
// all workers share. Each worker uses only its own slot, and no two slots share a cache line.
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

  // The T of a worker, or null when it has not been used on that worker.
  T* peek(size_t worker) const { return slots_[worker].value.get(); }

 private:
  struct alignas(64) Slot {
    std::unique_ptr<T> value;
  };
  mutable std::vector<Slot> slots_;
};

}  // namespace portcullis::policy

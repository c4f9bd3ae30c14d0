#include "runtime/side_pool.h"

#include "runtime/start_thread.h"

namespace portcullis {

SidePool::SidePool(size_t threads, size_t most_waiting) : most_waiting_(most_waiting) {
  try {
    for (size_t i = 0; i < threads; ++i) threads_.push_back(start_thread("side", [this] { serve(); }));
  } catch (const std::system_error&) {
    stop();  // those that have been started
    throw;
  }
}

void SidePool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // Outside the lock: what a job owns may come here again.
  std::deque<std::function<void()>> forgotten;
  const std::lock_guard lock(mutex_);
  forgotten.swap(jobs_);
}

bool SidePool::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= most_waiting_) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void SidePool::serve() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace portcullis

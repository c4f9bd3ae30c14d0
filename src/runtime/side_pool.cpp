#include "runtime/side_pool.h"

#include <sys/resource.h>

#include <algorithm>

#include "runtime/start_thread.h"

namespace portcullis {
namespace {

constexpr int kLowNice = 5;

}  // namespace

SidePool::SidePool(size_t threads, size_t max_waiting, Priority priority)
    : max_waiting_(max_waiting), priority_(priority) {
  try {
    for (size_t i = 0; i < threads; ++i) threads_.push_back(start_thread("side", [this] { serve(); }));
  } catch (const std::system_error&) {
    stop();  // stops the threads that were started before the failure
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
  // Jobs are destroyed outside the lock, because destructors of a job's objects may call this pool.
  std::deque<Job> forgotten;
  const std::lock_guard lock(mutex_);
  forgotten.swap(jobs_);
}

SidePool::Ticket SidePool::submit(std::function<void()> job, Room room) {
  Ticket ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || (room == Room::kLimited && jobs_.size() >= max_waiting_)) return 0;
    ticket = ++last_ticket_;
    jobs_.push_back({ticket, std::move(job)});
  }
  changed_.notify_one();
  return ticket;
}

void SidePool::withdraw(Ticket ticket) {
  Job withdrawn;  // destroyed outside the lock, because destructors of its objects may call this pool
  const std::lock_guard lock(mutex_);
  const auto found = std::lower_bound(jobs_.begin(), jobs_.end(), ticket,
                                      [](const Job& one, Ticket sought) { return one.ticket < sought; });
  if (found == jobs_.end() || found->ticket != ticket) return;
  withdrawn = std::move(*found);
  jobs_.erase(found);
}

void SidePool::serve() {
  // Of this thread alone. Without the lower priority the work is done all the same.
  if (priority_ == Priority::kLow) (void)::setpriority(PRIO_PROCESS, 0, kLowNice);
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      work = std::move(jobs_.front().work);
      jobs_.pop_front();
    }
    work();
  }
}

}  // namespace portcullis

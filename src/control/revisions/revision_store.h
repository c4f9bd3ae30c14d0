#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/store.h"
#include "crypto/digest.h"
#include "runtime/side_pool.h"
#include "store/store.h"

namespace portcullis::control {

// The store of revisions (store/store.h) for the control thread: its calls run one after the other on a
// thread of their own. An error says that the store could not do its work, and why. Calls that wait when the
// gateway drains are given up by destroying their tasks; what has begun is brought to its end.
class RevisionStore {
 public:
  // Opens the store of the settings, or one in memory where there is none. Blocks: for the start.
  static Result<std::unique_ptr<RevisionStore>> open(EventLoop& loop, const config::Store& settings);

  // True when revisions end with the process.
  bool is_in_memory() const { return in_memory_; }

  // False when the latest call could not be done.
  bool has_answered() const { return has_answered_; }

  template <typename T>
  using Call = std::function<Result<T>(store::Store&)>;
  // Runs a call on the store's thread.
  template <typename T>
  Task<Result<T>> ask(Call<T> call);
  // As ask(), and waits for the result; a call that the store's thread has begun ends before. Blocks: for the
  // start.
  template <typename T>
  Result<T> ask_now(const Call<T>& call) {
    Result<T> result = store_->call(call);
    has_answered_ = static_cast<bool>(result);
    return result;
  }

  // As ask() and ask_now(), for a call that only writes.
  using Write = std::function<Status(store::Store&)>;
  Task<Status> write(Write call);
  Status write_now(const Write& call);

  // The digest of an object, by which its versions are told apart (ETag): it says nothing about its secrets.
  std::string digest_of(const store::Object& object) const;

 private:
  RevisionStore(EventLoop& loop, store::Store store, bool in_memory);

  static constexpr size_t kMaxWaiting = 256;

  // The store with the lock that keeps the calls of two threads apart.
  struct Opened {
    explicit Opened(store::Store its_store) : store(std::move(its_store)) {}
    template <typename T>
    Result<T> call(const Call<T>& work) {
      const std::lock_guard lock(mutex);
      return work(store);
    }
    void checkpoint() {
      const std::lock_guard lock(mutex);
      store.checkpoint();
    }
    store::Store store;
    std::mutex mutex;
  };

  EventLoop& loop_;
  const bool in_memory_;
  bool has_answered_ = true;
  const store::SecretBox box_;
  std::shared_ptr<Opened> store_;
  SidePool pool_;
};

template <typename T>
Task<Result<T>> RevisionStore::ask(Call<T> call) {
  std::function<Result<T>()> work = [store = store_, its_call = std::move(call)] {
    return store->call(its_call);
  };
  Task<std::optional<Result<T>>> running = pool_.run<Result<T>>(loop_, std::move(work));
  std::optional<Result<T>> result = co_await running;
  if (store_->store.is_checkpoint_due()) pool_.submit([store = store_] { store->checkpoint(); });
  if (!result) co_return Result<T>(Error{"the store has too much to do: try again"});
  has_answered_ = static_cast<bool>(*result);
  co_return std::move(*result);
}

}  // namespace portcullis::control

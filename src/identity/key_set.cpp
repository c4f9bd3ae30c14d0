#include "identity/key_set.h"

namespace portcullis::identity {

std::shared_ptr<const KeySet> KeySource::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void KeySource::publish(std::vector<crypto::NamedVerifier> keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::make_shared<const KeySet>(KeySet{std::move(keys)});
  version_.store(++published_, std::memory_order_release);
}

void KeySource::withdraw() {
  const std::lock_guard lock(mutex_);
  keys_ = nullptr;
  version_.store(0, std::memory_order_release);
}

}  // namespace portcullis::identity

#include "cluster/membership.h"

#include <utility>

namespace portcullis::cluster {

Membership::Membership(etcd::Client& client, const Layout& layout, std::optional<Node> node,
                       std::function<void(bool)> on_lease)
    : client_(client),
      layout_(layout),
      node_(std::move(node)),
      on_lease_(std::move(on_lease)),
      alive_(client, kAlive, kRenewal,
             {.held =
                  [this](uint64_t) {
                    tell();
                    if (on_lease_) on_lease_(true);
                  },
              .lost =
                  [this] {
                    if (on_lease_) on_lease_(false);
                  }}),
      remembered_(client, kRemembered, kRenewal, {.held = [this](uint64_t) { tell(); }}) {}

void Membership::fall_silent() {
  silent_ = true;
  tasks_.clear();
}

void Membership::update(Node node) {
  if (node == node_) return;
  node_ = std::move(node);
  tell();
}

void Membership::tell() {
  if (silent_ || !node_) return;
  written_ = false;
  if (!std::exchange(writing_, true)) tasks_.spawn(write());
}

Task<void> Membership::write() {
  constexpr Milliseconds kAgain{500};
  while (!written_ && alive_.id() != 0 && remembered_.id() != 0) {
    written_ = true;
    const std::string text = text_of(*node_);
    etcd::Transaction transaction;
    transaction.put(layout_.nodes() + node_->id, text, alive_.id());
    transaction.put(layout_.members() + node_->id, text, remembered_.id());
    const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
    if (answer) continue;
    written_ = false;
    co_await sleep_for(client_.loop(), kAgain);
  }
  // Without one of the leases, the next one that is held begins again.
  writing_ = false;
}

Task<Status> Membership::leave() {
  tasks_.clear();
  // In this order, so that no other node takes this one for lost meanwhile.
  Status first = co_await remembered_.give_back();
  Status second = co_await alive_.give_back();
  co_return first ? second : first;
}

}  // namespace portcullis::cluster

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.h"
#include "crypto/digest.h"
#include "runtime/resolver.h"
#include "upstream/dns.h"
#include "upstream/upstream.h"

namespace portcullis::upstream {

// Keeps the addresses of host names current: queries again when the TTL of an answer ends. When a query
// fails, the last answer stays valid. On the control thread's loop.
class Discovery {
 public:
  // Called whenever the addresses of `host` change.
  using OnChange = std::function<void(const std::string& host, const Addresses& addresses)>;

  // `on_answered` (may be empty) is called when a name has its first answer, well or not. It must not call
  // this object.
  Discovery(EventLoop& loop, OnChange on_change, std::function<void()> on_answered = nullptr);
  ~Discovery();

  // Replaces the set of watched names.
  Status watch(const std::set<std::string>& hosts, const Dns& settings);
  // Calls visit(host, addresses) for each name with known addresses.
  void for_each(const OnChange& visit) const;
  // True when every name has an answer or a failure.
  bool settled() const;
  // How long to wait before the next query for an answer with this TTL.
  Milliseconds pause_after(std::chrono::seconds ttl);
  // The resolver for other queries, created when first needed; null when it cannot be created. Do not keep
  // the pointer: a new configuration may replace the resolver.
  Resolver* resolver();

 private:
  class Name;

  EventLoop& loop_;
  OnChange on_change_;
  std::function<void()> on_answered_;
  Dns settings_;
  std::unique_ptr<Resolver> resolver_;
  Random random_{crypto::random_seed()};
  std::map<std::string, std::unique_ptr<Name>> names_;
};

}  // namespace portcullis::upstream

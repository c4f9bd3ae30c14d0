#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.h"
#include "crypto/digest.h"
#include "runtime/resolver.h"
#include "upstream/upstream.h"

namespace portcullis::upstream {

// Keeps the addresses of host names current: asks again when the time to live of an answer is over. When
// asking fails the last answer stays. Lives on the control thread's loop.
class Discovery {
 public:
  struct Settings {
    std::vector<std::string> servers;  // "address:port"; empty: those of the system
    Milliseconds least_ttl{5'000};     // also the pause after a failure
    Milliseconds most_ttl{300'000};

    bool operator==(const Settings&) const = default;
  };
  // Called with each change of what `host` stands for.
  using OnChange = std::function<void(const std::string& host, const Addresses& addresses)>;

  // `on_answered` (may be empty) is called when a name has its first answer, well or not. It must not call
  // this object.
  Discovery(EventLoop& loop, OnChange on_change, std::function<void()> on_answered = nullptr);
  ~Discovery();

  // From now on these names are kept current, and no others.
  Status watch(const std::set<std::string>& hosts, const Settings& settings);
  // Calls visit(host, addresses) for each name that is known.
  void for_each(const OnChange& visit) const;
  // True when every name has been answered, well or not, at least once.
  bool settled() const;
  // When to ask again for what is known for so long.
  Milliseconds pause_after(std::chrono::seconds ttl);
  // For other questions, made when first needed; null when there is no way to ask. Not to be kept.
  Resolver* resolver();

 private:
  class Name;

  EventLoop& loop_;
  OnChange on_change_;
  std::function<void()> on_answered_;
  Settings settings_;
  std::unique_ptr<Resolver> resolver_;
  Random random_{crypto::random_seed()};
  std::map<std::string, std::unique_ptr<Name>> names_;
};

}  // namespace portcullis::upstream

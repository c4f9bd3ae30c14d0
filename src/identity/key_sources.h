#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "base/say.h"
#include "client/http_client.h"
#include "identity/key_set.h"
#include "runtime/task.h"

namespace portcullis::identity {

// Where a key set is fetched, and how often. Policies with equal values share one source.
struct KeyPlace {
  enum class Kind { kFile, kUrl, kDiscovery };
  Kind kind = Kind::kUrl;
  std::string place;  // file path, URL of the set, or the issuer's URL (OpenID Connect Discovery section 4)
  std::string ca_file{};
  Milliseconds refresh{600'000};   // interval between fetches
  Milliseconds cooldown{10'000};   // min time between fetches caused by tokens that no key fits
  Milliseconds stale{86'400'000};  // max age of keys while fetching fails
  Milliseconds timeout{5'000};

  bool operator<(const KeyPlace& other) const {
    const auto key = [](const KeyPlace& one) {
      return std::tie(one.kind, one.place, one.ca_file, one.refresh, one.cooldown, one.stale, one.timeout);
    };
    return key(*this) < key(other);
  }
};

// The key sets that policies use, fetched on the control thread's loop. A source persists over reloads, and
// ends when no snapshot refers to it any more. Call all methods on the control thread.
class KeySources {
 public:
  // `say` receives a source's failures and recoveries.
  KeySources(EventLoop& loop, Say say);
  ~KeySources();

  // A file is read before get() returns; other places are fetched afterwards.
  std::shared_ptr<KeySource> get(const KeyPlace& place);

 private:
  class Followed;
  EventLoop& loop_;
  const Say say_;
  std::unique_ptr<client::HttpClient> client_;  // created when first needed
  std::map<KeyPlace, std::shared_ptr<Followed>> sources_;
  TaskGroup tasks_;
};

// Reads a key file. The error says why that failed.
Result<std::string> read_key_file(const std::string& path);

}  // namespace portcullis::identity

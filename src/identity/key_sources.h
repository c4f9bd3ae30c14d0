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

// Where a key set is kept, and how it is followed. Two policies that say the same share one source.
struct KeyPlace {
  enum class Kind { kFile, kUrl, kDiscovery };
  Kind kind = Kind::kUrl;
  std::string place;  // path, URL of the set, or the issuer's URL (OpenID Connect Discovery section 4)
  std::string ca_file{};
  Milliseconds refresh{600'000};   // fetched again after this long
  Milliseconds cooldown{10'000};   // and once in this time because of a token that no key fits
  Milliseconds stale{86'400'000};  // how long keys are believed that cannot be fetched again
  Milliseconds timeout{5'000};

  bool operator<(const KeyPlace& other) const {
    const auto key = [](const KeyPlace& one) {
      return std::tie(one.kind, one.place, one.ca_file, one.refresh, one.cooldown, one.stale, one.timeout);
    };
    return key(*this) < key(other);
  }
};

// The key sets that the policies need, fetched on the control thread's loop. A source goes on over reloads,
// and ends when no snapshot has it any more. All methods are for the control thread.
class KeySources {
 public:
  // `say` is told what went wrong with a source, and when it is well again.
  KeySources(EventLoop& loop, Say say);
  ~KeySources();

  // A file is read before this returns; what is fetched comes later.
  std::shared_ptr<KeySource> get(const KeyPlace& place);

 private:
  class Followed;
  EventLoop& loop_;
  const Say say_;
  std::unique_ptr<client::HttpClient> client_;  // made when first needed
  std::map<KeyPlace, std::shared_ptr<Followed>> sources_;
  TaskGroup tasks_;
};

// The content of a file of keys, or why not.
Result<std::string> read_key_file(const std::string& path);

}  // namespace portcullis::identity

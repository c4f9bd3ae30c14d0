#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cluster/content.h"
#include "cluster/keys.h"
#include "store/store.h"

namespace portcullis::cluster {

enum class Scope {
  kChanges,  // the other objects of the newest revision stay
  kWhole     // they go
};

// A revision that is ready to be published.
struct Built {
  ContentPtr content;
  // The parts that the newest revision does not have.
  struct Part {
    std::string hash;
    std::string bytes;
  };
  std::vector<Part> parts{};
};
using BuildOutcome = std::variant<Built, store::Unchanged, store::Unusable>;

// What a publication starts from, and what it changes.
struct BuildRequest {
  ContentPtr newest;
  ContentPtr parent;  // often the same
  store::Draft draft;
  store::Changes changes;
  Scope scope;
  std::string publication;
};

// Makes the revision after the newest one. Any thread; this is long work when there are many objects.
Result<BuildOutcome> build(const BuildRequest& request, const Keys& keys);

}  // namespace portcullis::cluster

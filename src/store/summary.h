#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "store/revision.h"

namespace portcullis::store {

// How the objects of a revision differ from those of its parent, in words: "+2 routes, ~1 upstream".
class Summary {
 public:
  void add(const ObjectName& id) { count(added_, id); }
  void change(const ObjectName& id) { count(changed_, id); }
  void remove(const ObjectName& id) { count(removed_, id); }

  std::string text() const;

 private:
  struct Count {
    size_t objects = 0;
    bool has_names = false;
  };
  using Counts = std::map<std::string, Count>;  // by kind

  static void count(Counts& counts, const ObjectName& id);

  Counts added_, changed_, removed_;
};

}  // namespace portcullis::store

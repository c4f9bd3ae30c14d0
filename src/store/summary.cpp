#include "store/summary.h"

#include <algorithm>
#include <utility>

namespace portcullis::store {
namespace {

// "route" for one object of the kind `routes`, and "policy sets" for several of `policy_sets`. A kind without
// names is one object, and keeps its word.
std::string counted(const std::string& kind, size_t count, bool has_names) {
  if (!has_names) return kind;
  std::string word = count == 1 && kind.ends_with('s') ? kind.substr(0, kind.size() - 1) : kind;
  std::replace(word.begin(), word.end(), '_', ' ');
  return std::to_string(count) + " " + word;
}

}  // namespace

void Summary::count(Counts& counts, const ObjectName& id) {
  Count& of_kind = counts[id.kind];
  ++of_kind.objects;
  of_kind.has_names = of_kind.has_names || !id.name.empty();
}

std::string Summary::text() const {
  std::string out;
  for (const auto& [sign, counts] :
       {std::pair('+', &added_), std::pair('~', &changed_), std::pair('-', &removed_)}) {
    for (const auto& [kind, of_kind] : *counts)
      out += (out.empty() ? "" : ", ") + std::string(1, sign) +
             counted(kind, of_kind.objects, of_kind.has_names);
  }
  return out;
}

}  // namespace portcullis::store

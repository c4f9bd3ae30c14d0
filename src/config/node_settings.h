#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace portcullis::config {

struct YamlNode;

// Digests of the settings that belong to the node and not to a revision: the keys of the top level that are
// no objects of the object model, and `listeners`. A plain value.
class NodeSettings {
 public:
  NodeSettings() = default;
  explicit NodeSettings(const YamlNode& document);

  // The keys whose settings are not the same in `other`, in the order of the alphabet. A setting that is
  // written out is not the same as one that is left to its default.
  std::vector<std::string> differences(const NodeSettings& other) const;

 private:
  std::map<std::string, uint64_t> digests_;  // by key
};

}  // namespace portcullis::config

#pragma once

#include <string>

#include "config/schema.h"

namespace portcullis::config {

// What tells this node from the others.
struct Node {
  std::string id;  // empty: the node makes one (control/node.h)
};

Type<Node> node_type();
// The `node` of a document, which may have mistakes.
Node node_of(const YamlNode& document);

}  // namespace portcullis::config

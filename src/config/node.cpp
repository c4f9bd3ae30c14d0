#include "config/node.h"

#include "config/field_types.h"

namespace portcullis::config {

Type<Node> node_type() {
  auto node = std::make_shared<ObjectType<Node>>("node", "What tells this node from the others.");
  node->optional(
          "id", &Node::id, name_type(),
          "The name of this node in answers of the admin API. No other node may have the same. A change "
          "needs a restart.")
      .default_in_words("the name of the host, `-`, and four random characters, which the store keeps");
  return node;
}

Node node_of(const YamlNode& document) {
  Node out;
  Diagnostics ignored;
  const YamlNode* const settings = document.find("node");
  if (settings != nullptr) node_type().load(*settings, out, ignored);
  return out;
}

}  // namespace portcullis::config

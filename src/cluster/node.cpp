#include "cluster/node.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {

using nlohmann::json;

std::string text_of(const Node& node) {
  return json_text(json{{"version", node.version},
                        {"revision", node.revision},
                        {"canary", node.canary},
                        {"turn", node.turn},
                        {"since", node.since.time_since_epoch().count()},
                        {"last_error", node.last_error},
                        {"refused", node.refused},
                        {"files_hash", node.files_hash},
                        {"state", node.state}});
}

Node node_from(std::string_view id, std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  return {.id = std::string(id),
          .version = etcd::text_at(value, "version"),
          .revision = etcd::number_at(value, "revision"),
          .canary = etcd::number_at(value, "canary"),
          .turn = etcd::number_at(value, "turn"),
          .since = std::chrono::sys_seconds(std::chrono::seconds(etcd::number_at(value, "since"))),
          .last_error = etcd::text_at(value, "last_error"),
          .refused = etcd::number_at(value, "refused"),
          .files_hash = etcd::text_at(value, "files_hash"),
          .state = etcd::text_at(value, "state")};
}

}  // namespace portcullis::cluster

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis::cluster {

// What a node tells the others of itself.
struct Node {
  std::string id;
  std::string version{};
  uint64_t revision = 0;  // that it serves
  uint64_t canary = 0;    // that it serves beside; 0: none
  uint64_t turn = 0;      // the canary that it serves node by node, because its turn has come; 0: none
  std::chrono::sys_seconds since{};
  std::string last_error{};  // why it does not serve the newest revision
  uint64_t refused = 0;      // a newer revision that it cannot serve; 0: none
  std::string files_hash{};  // of the objects of its files
  std::string state{};

  bool operator==(const Node&) const = default;
};

std::string text_of(const Node& node);
Node node_from(std::string_view id, std::string_view text);

}  // namespace portcullis::cluster

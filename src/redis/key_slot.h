#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::redis {

inline constexpr uint16_t kSlots = 16'384;

// The hash slot of a key in a Redis Cluster: CRC16 of the part in the first braces, or of the whole key when
// there is no such part or it is empty (Redis Cluster specification, "Hash tags").
uint16_t key_slot(std::string_view key);

// A node's answer that another node has the keys of a slot: for good (MOVED), or for this command alone
// (ASK).
struct Redirection {
  enum class Kind : uint8_t { kMoved, kAsk };
  Kind kind;
  uint16_t slot;
  std::string address;  // "host:port"; the host is empty when it is the host of the node that answered
};
// Parses "MOVED 3999 127.0.0.1:6381". Nothing for other errors and for a place that is not valid.
std::optional<Redirection> redirection_of(std::string_view error);

// "host:port" of a node; an IPv6 host gets brackets.
std::string node_address(std::string_view host, uint16_t port);

}  // namespace portcullis::redis

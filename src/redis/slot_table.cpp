#include "redis/slot_table.h"

#include "redis/key_slot.h"
#include "redis/refusal.h"

namespace portcullis::redis {
namespace {

bool is_number(const Reply& reply, int64_t min, int64_t max) {
  return reply.kind == Reply::Kind::kInteger && reply.integer >= min && reply.integer <= max;
}

// A range is [first, last, primary, replicas...], and a node is [host, port, ...].
bool is_range(const Reply& range) {
  if (range.list.size() < 3) return false;
  const Reply& node = range.list[2];
  return is_number(range.list[0], 0, kSlots - 1) &&
         is_number(range.list[1], range.list[0].integer, kSlots - 1) && node.list.size() >= 2 &&
         is_number(node.list[1], 1, 65'535);
}

}  // namespace

std::string with_host_of(const std::string& address, std::string redirected) {
  if (!redirected.starts_with(':')) return redirected;
  return address.substr(0, address.rfind(':')) + redirected;
}

Result<std::vector<SlotRange>> read_slots(const Reply& reply, const std::string& address) {
  if (reply.is_error()) return Error{describe_refusal(reply.text)};
  std::vector<SlotRange> out;
  for (const Reply& range : reply.list) {
    if (!is_range(range)) return Error{"its answer to CLUSTER SLOTS cannot be understood"};
    std::string host = range.list[2].list[0].text;
    if (host == "?") host.clear();  // the node does not know its own name
    out.push_back(
        {static_cast<uint16_t>(range.list[0].integer), static_cast<uint16_t>(range.list[1].integer),
         with_host_of(address, node_address(host, static_cast<uint16_t>(range.list[2].list[1].integer)))});
  }
  if (out.empty()) return Error{"its cluster has no slots yet"};
  return out;
}

}  // namespace portcullis::redis

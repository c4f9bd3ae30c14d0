#include "etcd/messages.h"

#include <algorithm>

#include "etcd/encoding.h"

namespace portcullis::etcd {

using nlohmann::json;

void Transaction::require_mod_revision(const std::string& key, uint64_t revision) {
  compare_.push_back({{"key", encode(key)},
                      {"target", "MOD"},
                      {"result", "EQUAL"},
                      {"mod_revision", std::to_string(revision)}});
}

void Transaction::require_present(const std::string& key) {
  compare_.push_back(
      {{"key", encode(key)}, {"target", "CREATE"}, {"result", "GREATER"}, {"create_revision", "0"}});
}

void Transaction::require_unchanged_since(const std::string& key, const std::string& range_end,
                                          uint64_t revision) {
  compare_.push_back({{"key", encode(key)},
                      {"range_end", encode(range_end)},
                      {"target", "MOD"},
                      {"result", "LESS"},
                      {"mod_revision", std::to_string(revision + 1)}});
}

void Transaction::put(const std::string& key, const std::string& value, uint64_t lease) {
  json request = {{"key", encode(key)}, {"value", encode(value)}};
  if (lease != 0) request["lease"] = std::to_string(lease);
  then_.push_back({{"request_put", std::move(request)}});
  bytes_ += key.size() + value.size();
}

void Transaction::remove(const std::string& key, Branch branch) {
  operations_of(branch).push_back({{"request_delete_range", {{"key", encode(key)}}}});
  bytes_ += key.size();
}

void Transaction::get(const RangeRequest& request, Branch branch) {
  operations_of(branch).push_back({{"request_range", message_of(request)}});
  bytes_ += request.key.size() + request.range_end.size();
}

size_t Transaction::operations() const {
  return std::max({compare_.size(), then_.size(), otherwise_.size()});
}

json Transaction::message() const {
  return {{"compare", compare_}, {"success", then_}, {"failure", otherwise_}};
}

json message_of(const RangeRequest& request) {
  json out = {{"key", encode(request.key)}};
  if (!request.range_end.empty()) out["range_end"] = encode(request.range_end);
  if (request.limit != 0) out["limit"] = std::to_string(request.limit);
  if (request.revision != 0) out["revision"] = std::to_string(request.revision);
  if (request.content == RangeRequest::Content::kKeysOnly) out["keys_only"] = true;
  if (request.order == RangeRequest::Order::kDescending) {
    out["sort_order"] = "DESCEND";
    out["sort_target"] = "KEY";
  }
  return out;
}

KeyValue read_key_value(const json& message) {
  return {.key = bytes_at(message, "key"),
          .value = bytes_at(message, "value"),
          .create_revision = number_at(message, "create_revision"),
          .mod_revision = number_at(message, "mod_revision")};
}

RangeAnswer read_range(const json& message) {
  RangeAnswer out;
  out.revision = number_at(member_at(message, "header"), "revision");
  out.more = flag_at(message, "more");
  for (const json& item : member_at(message, "kvs")) out.items.push_back(read_key_value(item));
  return out;
}

TransactionAnswer read_transaction(const json& message) {
  TransactionAnswer out;
  out.succeeded = flag_at(message, "succeeded");
  out.revision = number_at(member_at(message, "header"), "revision");
  for (const json& response : member_at(message, "responses")) {
    if (const json& range = member_at(response, "response_range"); range.is_object())
      out.reads.push_back(read_range(range));
  }
  return out;
}

}  // namespace portcullis::etcd

#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

// Requests and answers of etcd's key-value API (etcdserverpb/rpc.proto).
namespace portcullis::etcd {

// etcd's default for --max-request-bytes, less room for what is not a key or a value.
inline constexpr size_t kMaxRequestBytes = 1'572'864 - 16 * 1024;
// etcd's default for --max-txn-ops.
inline constexpr size_t kMaxOperations = 128;

struct KeyValue {
  std::string key;
  std::string value;
  uint64_t create_revision = 0;
  uint64_t mod_revision = 0;
};

struct RangeRequest {
  std::string key;
  std::string range_end{};  // empty: the key alone
  size_t limit = 0;         // 0: all
  uint64_t revision = 0;    // the state of this revision; 0: the newest
  enum class Content { kWhole, kKeysOnly } content = Content::kWhole;
  enum class Order { kAscending, kDescending } order = Order::kAscending;  // of the keys
};
struct RangeAnswer {
  std::vector<KeyValue> items;  // in the order of their keys
  bool more = false;            // the limit has left out keys
  uint64_t revision = 0;        // of etcd's keys, when this was read
};

struct TransactionAnswer {
  bool succeeded = false;          // which operations were done
  uint64_t revision = 0;           // of etcd's keys, after them
  std::vector<RangeAnswer> reads;  // one for each `get` that was done, in order
};

// A transaction: when all comparisons hold, the operations of `then` are done, otherwise those of
// `otherwise`.
class Transaction {
 public:
  enum class Branch { kThen, kOtherwise };

  // The key was last changed at this revision; 0: there is no such key.
  void require_mod_revision(const std::string& key, uint64_t revision);
  // There is such a key.
  void require_present(const std::string& key);
  // No key of the range was changed after this revision.
  void require_unchanged_since(const std::string& key, const std::string& range_end, uint64_t revision);

  void put(const std::string& key, const std::string& value, uint64_t lease = 0);
  void remove(const std::string& key, Branch branch = Branch::kThen);
  void get(const RangeRequest& request, Branch branch = Branch::kThen);

  // The sum of the bytes of keys and values, which etcd limits (kMaxRequestBytes).
  size_t bytes() const { return bytes_; }
  // How many operations the largest branch has (kMaxOperations).
  size_t operations() const;
  nlohmann::json message() const;

 private:
  nlohmann::json& operations_of(Branch branch) { return branch == Branch::kThen ? then_ : otherwise_; }

  nlohmann::json compare_ = nlohmann::json::array();
  nlohmann::json then_ = nlohmann::json::array();
  nlohmann::json otherwise_ = nlohmann::json::array();
  size_t bytes_ = 0;
};

nlohmann::json message_of(const RangeRequest& request);
KeyValue read_key_value(const nlohmann::json& message);
RangeAnswer read_range(const nlohmann::json& message);
TransactionAnswer read_transaction(const nlohmann::json& message);

}  // namespace portcullis::etcd

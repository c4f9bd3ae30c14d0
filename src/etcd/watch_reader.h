#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etcd/messages.h"

namespace portcullis::etcd {

struct Change {
  enum class Kind { kPut, kRemoved } kind;
  KeyValue item;  // without a value when it was removed
};

// Reads the stream of a watch: one JSON message in each line.
class WatchReader {
 public:
  // The largest message that is read. etcd splits what is larger than its own limit of a request
  // (`fragment`), which in base64 is a third more.
  static constexpr size_t kMaxMessage = 16 << 20;

  explicit WatchReader(uint64_t from) : next_(from) {}

  // Forgets what has been read of a stream that has ended.
  void begin_stream();
  // False when the stream must end: a message is too large.
  bool read(std::string_view data);
  // Reads what came without an end of line before the stream ended, unless it is a message that was cut off.
  void end_stream();

  // The request that begins a stream for the keys below `prefix`.
  nlohmann::json request(const std::string& prefix) const;
  // Takes the changes that are complete.
  std::vector<Change> take_changes() { return std::exchange(complete_, {}); }

  // The first revision whose changes were not told.
  uint64_t next() const { return next_; }
  bool created() const { return created_; }
  bool compacted() const { return compacted_; }
  // Why etcd has ended the watch; empty while it has not.
  const std::string& problem() const { return problem_; }

 private:
  void read_message(std::string_view line);
  void complete_partial();
  void read_changes(const nlohmann::json& result);

  uint64_t next_;  // the first revision that is not complete
  std::string rest_;
  std::vector<Change> partial_;  // changes of one revision, of which more may come
  std::vector<Change> complete_;
  bool created_ = false;
  bool compacted_ = false;
  std::string problem_;
};

}  // namespace portcullis::etcd

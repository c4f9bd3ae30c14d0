#include "etcd/watch_reader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "etcd/encoding.h"

namespace portcullis::etcd {

using nlohmann::json;

void WatchReader::begin_stream() {
  rest_.clear();
  partial_.clear();
  created_ = false;
  problem_.clear();
}

json WatchReader::request(const std::string& prefix) const {
  return {{"create_request",
           {{"key", encode(prefix)},
            {"range_end", encode(range_end(prefix))},
            {"start_revision", std::to_string(next_)},
            {"progress_notify", true},
            {"fragment", true}}}};
}

bool WatchReader::read(std::string_view data) {
  for (size_t end = data.find('\n'); end != std::string_view::npos; end = data.find('\n')) {
    if (rest_.empty()) {
      read_message(data.substr(0, end));
    } else {
      rest_ += data.substr(0, end);
      read_message(rest_);
      rest_.clear();
    }
    data.remove_prefix(end + 1);
  }
  rest_ += data;
  if (rest_.size() > kMaxMessage) problem_ = "a message of the watch is too large";
  return problem_.empty();
}

void WatchReader::end_stream() {
  const std::string rest = std::exchange(rest_, {});
  const bool is_cut_off = rest.starts_with('{') && !json::accept(rest);
  if (!rest.empty() && !is_cut_off) read_message(rest);
}

void WatchReader::read_message(std::string_view line) {
  const json message = json::parse(line, nullptr, false);
  const json& result = member_at(message, "result");
  if (!result.is_object()) {
    // The stream's own failure, or the answer to a request that was refused.
    problem_ = text_at(member_at(message, "error"), "message");
    if (problem_.empty()) problem_ = text_at(message, "error");
    if (problem_.empty()) problem_ = "the watch's answer is not in etcd's format";
    return;
  }
  created_ = created_ || flag_at(result, "created");
  compacted_ = compacted_ || number_at(result, "compact_revision") != 0;
  if (flag_at(result, "canceled")) {
    problem_ = text_at(result, "cancel_reason");
    if (problem_.empty()) problem_ = "etcd has ended the watch";
    return;
  }
  read_changes(result);
}

void WatchReader::complete_partial() {
  std::move(partial_.begin(), partial_.end(), std::back_inserter(complete_));
  partial_.clear();
}

void WatchReader::read_changes(const json& result) {
  const json& events = member_at(result, "events");
  for (const json& event : events) {
    Change change{text_at(event, "type") == "DELETE" ? Change::Kind::kRemoved : Change::Kind::kPut,
                  read_key_value(member_at(event, "kv"))};
    if (change.item.mod_revision < next_) continue;
    if (!partial_.empty() && partial_.back().item.mod_revision != change.item.mod_revision)
      complete_partial();
    partial_.push_back(std::move(change));
  }
  const bool has_more = flag_at(result, "fragment");
  if (!has_more) complete_partial();
  // A notification of progress has no events: all changes up to its revision have been told. With events, the
  // revision can be newer than the events, of which the next messages have more.
  if (!complete_.empty()) next_ = std::max(next_, complete_.back().item.mod_revision + 1);
  if (!has_more && events.empty() && !flag_at(result, "created"))
    next_ = std::max(next_, number_at(member_at(result, "header"), "revision") + 1);
}

}  // namespace portcullis::etcd

#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/admin/call.h"

namespace portcullis::control {

// The calls of the admin API, by method and path. Immutable after it has been filled; any thread.
class CallTable {
 public:
  CallTable() = default;
  CallTable(CallTable&&) = default;  // entries refer to calls, which stay where they are

  void add(Call call);
  // In the order in which they were added.
  const std::deque<Call>& all() const { return calls_; }

  struct Found {
    const Call* call = nullptr;  // null when there is no call
    // The values of the path's variables, with the names in the call's template.
    std::vector<std::pair<std::string_view, std::string>> variables{};
    // When there is no call, but the path has other calls: their methods, as in the field `Allow`.
    std::string allow{};
  };
  // Finds the call for a request. The path is split at `/` before it is decoded, so that a variable may
  // contain
  // `%2F`. A fixed part of a template is preferred to a variable, and a hyphen in it may be given as an
  // underscore. Nothing is found when a variable would be empty, `.`, `..`, or text that is not UTF-8.
  Found find(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    const Call* call;
    std::vector<std::string> parts;  // of the template
  };

  std::deque<Call> calls_;
  std::vector<Entry> entries_;  // the entry with more fixed parts comes first
};

// All calls of the gateway. A group of calls has a file of its own (*_calls.cpp) with a function that adds
// them.
const CallTable& admin_calls();

void add_open_calls(CallTable& table);       // health, log in and out, metrics
void add_look_calls(CallTable& table);       // what the gateway does and has done
void add_stream_calls(CallTable& table);     // server-sent events
void add_operation_calls(CallTable& table);  // what operators do with the running gateway
void add_object_calls(CallTable& table);     // objects, one by one
void add_change_calls(CallTable& table);     // several objects at once
void add_publish_calls(CallTable& table);    // under conditions, and canaries
void add_draft_calls(CallTable& table);      // changes that are prepared before they are published
void add_revision_calls(CallTable& table);   // revisions and tags
void add_api_calls(CallTable& table);        // about the API itself

}  // namespace portcullis::control

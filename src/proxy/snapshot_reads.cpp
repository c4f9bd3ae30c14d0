#include "proxy/snapshot_reads.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace portcullis::proxy {

using policy::RequestReads;
using Part = RequestReads::Part;

namespace {

bool reads_value(const routing::Predicate& predicate) {
  return predicate.kind == routing::Predicate::Kind::kEquals ||
         predicate.kind == routing::Predicate::Kind::kMatches;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// Adds the predicates that differ from those before in their name or in whether they read the value.
void add_predicates(std::vector<routing::Predicate>& all, const std::vector<routing::Predicate>& more) {
  for (const routing::Predicate& one : more) {
    const bool is_known = std::any_of(all.begin(), all.end(), [&](const routing::Predicate& other) {
      return other.name == one.name && reads_value(other) == reads_value(one);
    });
    if (!is_known) all.push_back(one);
  }
}

}  // namespace

void SnapshotReads::add(const policy::Policy& policy) {
  if (of_policies_.contains(&policy)) return;
  RequestReads reads;
  policy.add_reads(reads);
  if (reads.empty()) return;
  add(reads);
  of_policies_.emplace(&policy, std::move(reads));
}

void SnapshotReads::add(const RequestReads& reads) {
  for (const RequestReads::Read& read : reads.all()) all_.add(read);
}

void SnapshotReads::add(const routing::Match& match) {
  for (const routing::Predicate& one : match.headers) all_.add_header(one.name);
  add_predicates(headers_, match.headers);
  add_predicates(parameters_, match.query);
}

void SnapshotReads::settle(const Recording& recording) {
  for (const auto& [policy, reads] : of_policies_) {
    uint64_t bits = 0;
    for (const RequestReads::Read& read : reads.all()) {
      if (read.is_credential())
        bits |= Recording::bit_of(recording.index_of({read.part, read.name, read.scheme}));
    }
    if (bits != 0) credentials_.emplace(policy, bits);
  }
}

const RequestReads* SnapshotReads::of(const policy::Policy* policy) const {
  const auto found = of_policies_.find(policy);
  return found == of_policies_.end() ? nullptr : &found->second;
}

uint64_t SnapshotReads::credentials_of(const void* policy) const {
  const auto found = credentials_.find(policy);
  return found == credentials_.end() ? 0 : found->second;
}

routing::Doubt SnapshotReads::doubt_about(const Recording& recorded) const {
  routing::Doubt out;
  for (const routing::Predicate& one : headers_) {
    const std::string name = to_lower(one.name);
    // Of a withheld field it is known whether it is there.
    const bool is_watched = recorded.index_of({Part::kHeader, name, {}}) != recorded.withheld().size();
    if (!recorded.has_header(name) && (reads_value(one) || !is_watched)) add_once(out.headers, name);
  }
  for (const routing::Predicate& one : parameters_) {
    if (reads_value(one) && recorded.withholds_parameter(one.name)) add_once(out.parameters, one.name);
  }
  return out;
}

}  // namespace portcullis::proxy

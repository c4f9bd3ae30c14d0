#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The keys of a cluster, below its prefix in etcd.
//
//   current             number of the newest revision, and its publication
//   revisions/N         header of a revision, with the hashes of its parts
//   parts/HASH/I        piece I of the part with this hash, compressed; of a draft, also encrypted
//   publishing/ID       a publication in progress, with its node's lease, or a draft with a lease of 60 s
//   nodes/ID            state of a node, with a lease of 10 s
//   members/ID          the same state, with a lease of an hour: a node that is here alone is lost
//   drafts/NAME         the part of a draft, and the key that opens it
//   tags/NAME           number of a revision
//   canary              the newest revision when it is a canary, or was one
//   canary_counts/ID    what a node has counted while a canary serves, with its lease of 10 s
//   events/ID           what all nodes are to do once, with a lease of 60 s
//   audit/TIME-ID       one line of the audit log
//   key_check           shows that a node's key file is the cluster's
namespace portcullis::cluster {

class Layout {
 public:
  explicit Layout(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  std::string current() const { return prefix_ + "current"; }
  std::string canary() const { return prefix_ + "canary"; }
  std::string canary_counts() const { return prefix_ + "canary_counts/"; }
  std::string key_check() const { return prefix_ + "key_check"; }
  std::string revision(uint64_t number) const { return revisions() + std::to_string(number); }
  std::string piece(const std::string& hash, size_t index) const {
    return parts() + hash + "/" + std::to_string(index);
  }
  std::string revisions() const { return prefix_ + "revisions/"; }
  std::string parts() const { return prefix_ + "parts/"; }
  std::string publishing() const { return prefix_ + "publishing/"; }
  std::string nodes() const { return prefix_ + "nodes/"; }
  std::string members() const { return prefix_ + "members/"; }
  std::string drafts() const { return prefix_ + "drafts/"; }
  std::string tags() const { return prefix_ + "tags/"; }
  std::string events() const { return prefix_ + "events/"; }
  std::string audit() const { return prefix_ + "audit/"; }

  // What follows `folder` in a key; nothing when the key is elsewhere.
  static std::optional<std::string_view> name_in(const std::string& folder, std::string_view key) {
    if (!key.starts_with(folder)) return std::nullopt;
    return key.substr(folder.size());
  }

 private:
  std::string prefix_;
};

}  // namespace portcullis::cluster

#include "cluster/sweeper.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "cluster/drafts.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

constexpr size_t kPage = 5'000;
constexpr size_t kRemovedAtOnce = 100;
constexpr size_t kExpiredInOneSweep = 500;
static_assert(kRemovedAtOnce < etcd::kMaxOperations);

uint64_t shortened(std::string_view hash) {
  return parse_hex(hash.substr(0, 16)).value_or(0);
}

// The first `count` of the items, which are removed from `items`.
template <typename T>
std::vector<T> take_some(std::vector<T>& items, size_t count) {
  const size_t size = std::min(count, items.size());
  std::vector<T> out(std::make_move_iterator(items.end() - static_cast<ptrdiff_t>(size)),
                     std::make_move_iterator(items.end()));
  items.resize(items.size() - size);
  return out;
}

}  // namespace

Task<Result<Swept>> Sweeper::sweep(std::chrono::sys_seconds now, std::set<uint64_t> kept) {
  Swept out;
  const Result<size_t> revisions = co_await expire_revisions(now, std::move(kept));
  if (!revisions) co_return revisions.error();
  out.revisions = *revisions;
  const Result<size_t> pieces = co_await remove_orphans();
  if (!pieces) co_return pieces.error();
  out.pieces = *pieces;
  const Result<size_t> audit = co_await trim_audit();
  if (!audit) co_return audit.error();
  out.audit_lines = *audit;
  co_return out;
}

Task<Result<etcd::RangeAnswer>> Sweeper::keys_in(std::string folder, uint64_t revision) {
  etcd::RangeRequest request{.key = folder,
                             .range_end = etcd::range_end(folder),
                             .revision = revision,
                             .content = etcd::RangeRequest::Content::kKeysOnly};
  co_return co_await client_.range_in_pages(std::move(request), kPage);
}

// In the order of their numbers.
Task<Result<std::vector<Sweeper::Kept>>> Sweeper::revisions_at(uint64_t moment) {
  std::string folder = layout_.revisions();
  const Result<etcd::RangeAnswer> keys = co_await keys_in(std::move(folder), moment);
  if (!keys) co_return keys.error();
  std::vector<Kept> out;
  for (const etcd::KeyValue& item : keys->items) {
    const auto name = Layout::name_in(layout_.revisions(), item.key);
    if (const auto number = name ? parse_decimal(*name) : std::nullopt)
      out.push_back({*number, item.create_revision});
  }
  std::sort(out.begin(), out.end(), [](const Kept& a, const Kept& b) { return a.number < b.number; });
  co_return out;
}

Task<Result<size_t>> Sweeper::expire_revisions(std::chrono::sys_seconds now, std::set<uint64_t> kept) {
  const Result<Current> current = co_await revisions_.current();
  if (!current) co_return current.error();
  const uint64_t count = std::max<uint64_t>(retention_.revisions, 1);
  if (current->number <= count) co_return size_t{0};
  etcd::RangeRequest asked{.key = layout_.tags(), .range_end = etcd::range_end(layout_.tags())};
  const Result<etcd::RangeAnswer> tags = co_await client_.range_in_pages(std::move(asked), kPage);
  if (!tags) co_return tags.error();
  for (const etcd::KeyValue& tag : tags->items) kept.insert(parse_decimal(tag.value).value_or(0));
  const Result<std::vector<Kept>> there = co_await revisions_at(0);
  if (!there) co_return there.error();

  std::vector<uint64_t> old;
  for (const auto& [number, created] : *there) {
    if (number > current->number - count || old.size() == kExpiredInOneSweep) break;
    if (!kept.contains(number)) old.push_back(number);
  }
  size_t removed = 0;
  while (!old.empty()) {
    std::vector<uint64_t> some = take_some(old, Revisions::kHeadersAtOnce);
    const Result<std::vector<Header>> headers = co_await revisions_.headers(std::move(some));
    if (!headers) co_return headers.error();
    std::vector<uint64_t> expired;
    for (const Header& header : *headers) {
      if (header.revision.time < now - retention_.age) expired.push_back(header.revision.number);
    }
    const Result<size_t> done = co_await remove_revisions(std::move(expired), tags->revision);
    if (!done) co_return done.error();
    removed += *done;
  }
  co_return removed;
}

// Nothing is removed when a tag was given meanwhile: the next sweep looks again.
Task<Result<size_t>> Sweeper::remove_revisions(std::vector<uint64_t> numbers, uint64_t tags_seen) {
  if (numbers.empty()) co_return size_t{0};
  etcd::Transaction transaction;
  transaction.require_unchanged_since(layout_.tags(), etcd::range_end(layout_.tags()), tags_seen);
  for (const uint64_t number : numbers) transaction.remove(layout_.revision(number));
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  co_return answer->succeeded ? numbers.size() : 0;
}

// Reads the headers of the revisions that are not known yet, and forgets those that are gone.
Task<Status> Sweeper::learn_parts(std::vector<Kept> kept) {
  std::map<uint64_t, Parts> before = std::exchange(parts_, {});
  std::vector<uint64_t> unknown;
  for (const auto& [number, created] : kept) {
    const auto known = before.find(number);
    if (known != before.end() && known->second.created == created) {
      parts_[number] = std::move(known->second);
    } else {
      parts_[number].created = created;
      unknown.push_back(number);
    }
  }
  while (!unknown.empty()) {
    std::vector<uint64_t> some = take_some(unknown, Revisions::kHeadersAtOnce);
    const Result<std::vector<Header>> headers = co_await revisions_.headers(std::move(some));
    if (!headers) {
      parts_.clear();
      co_return headers.error();
    }
    for (const Header& header : *headers) {
      std::vector<uint64_t>& hashes = parts_[header.revision.number].hashes;
      for (const PartName& part : header.parts) {
        if (!part.hash.empty()) hashes.push_back(shortened(part.hash));
      }
    }
  }
  co_return Status();
}

Task<Result<std::vector<uint64_t>>> Sweeper::parts_of_drafts(uint64_t moment) {
  etcd::RangeRequest request{
      .key = layout_.drafts(), .range_end = etcd::range_end(layout_.drafts()), .revision = moment};
  const Result<etcd::RangeAnswer> drafts = co_await client_.range_in_pages(std::move(request), kPage);
  if (!drafts) co_return drafts.error();
  std::vector<uint64_t> out;
  for (const etcd::KeyValue& item : drafts->items) out.push_back(shortened(part_of_draft(item.value).hash));
  co_return out;
}

Task<Result<size_t>> Sweeper::remove_orphans() {
  std::string folder = layout_.parts(), publishing_folder = layout_.publishing();
  Result<etcd::RangeAnswer> parts = co_await keys_in(std::move(folder), 0);
  if (!parts) co_return parts.error();
  const uint64_t moment = parts->revision;
  const Result<etcd::RangeAnswer> publishing = co_await keys_in(std::move(publishing_folder), moment);
  if (!publishing) co_return publishing.error();
  // An etcd that was restored from a backup can have other revisions with the same numbers.
  if (moment < std::exchange(last_moment_, moment)) parts_.clear();
  Result<std::vector<Kept>> kept = co_await revisions_at(moment);
  if (!kept) co_return kept.error();
  if (Status learned = co_await learn_parts(std::move(*kept)); !learned) co_return learned.error();
  const Result<std::vector<uint64_t>> drafted = co_await parts_of_drafts(moment);
  if (!drafted) co_return drafted.error();

  uint64_t first_publication = UINT64_MAX;
  for (const etcd::KeyValue& item : publishing->items)
    first_publication = std::min(first_publication, item.create_revision);
  std::unordered_set<uint64_t> live(drafted->begin(), drafted->end());
  for (const auto& [number, parts_of] : parts_) live.insert(parts_of.hashes.begin(), parts_of.hashes.end());
  std::erase_if(parts->items, [&](const etcd::KeyValue& item) {
    const auto name = Layout::name_in(layout_.parts(), item.key);
    return !name || live.contains(shortened(*name)) || item.mod_revision >= first_publication;
  });
  size_t removed = 0;
  while (!parts->items.empty()) {
    std::vector<etcd::KeyValue> some = take_some(parts->items, kRemovedAtOnce);
    const Result<size_t> done = co_await remove_unchanged(std::move(some));
    if (!done) co_return done.error();
    removed += *done;
  }
  co_return removed;
}

// Removes none of them when one was written again meanwhile: the next sweep looks again.
Task<Result<size_t>> Sweeper::remove_unchanged(std::vector<etcd::KeyValue> items) {
  etcd::Transaction transaction;
  for (const etcd::KeyValue& item : items) {
    transaction.require_mod_revision(item.key, item.mod_revision);
    transaction.remove(item.key);
  }
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  co_return answer->succeeded ? items.size() : 0;
}

Task<Result<size_t>> Sweeper::trim_audit() {
  std::string folder = layout_.audit();
  Result<etcd::RangeAnswer> lines = co_await keys_in(std::move(folder), 0);
  if (!lines) co_return lines.error();
  if (lines->items.size() <= kAuditLines) co_return size_t{0};
  lines->items.resize(lines->items.size() - kAuditLines);
  size_t removed = 0;
  while (!lines->items.empty()) {
    std::vector<etcd::KeyValue> some = take_some(lines->items, kRemovedAtOnce);
    const Result<size_t> done = co_await remove_unchanged(std::move(some));
    if (!done) co_return done.error();
    removed += *done;
  }
  co_return removed;
}

}  // namespace portcullis::cluster

#include "cluster/drafts.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "cluster/packed.h"
#include "cluster/revisions.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

using nlohmann::json;
using Branch = etcd::Transaction::Branch;

// A larger part is taken for damaged. All pieces of a part are removed in one transaction.
constexpr size_t kMaxPart = 32 << 20;
static_assert(kMaxPart / kPieceBytes + 4 < etcd::kMaxOperations);

Error damaged(const std::string& name) {
  return Error{"the draft `" + name + "` in etcd is damaged"};
}

// The text in which a draft is encrypted tells where it belongs.
std::string draft_context(const std::string& name) {
  return "draft/" + name;
}

std::string hash_of_bytes(std::string_view bytes) {
  return crypto::hex_encode(crypto::text_of(crypto::sha256(bytes)));
}

std::string key_of(const std::string& head) {
  return etcd::text_at(json::parse(head, nullptr, false), "key");
}

Result<std::string> open_draft(const Keys& keys, const std::string& name, const std::string& head,
                               const std::string& bytes) {
  if (hash_of_bytes(bytes) != part_of_draft(head).hash) return damaged(name);
  const auto packed = keys.box->open(key_of(head), bytes, draft_context(name));
  if (!packed) return Error{"the draft `" + name + "`: " + packed.error().message};
  auto text = unpack(*packed);
  if (!text) return damaged(name);
  return text;
}

}  // namespace

PartName part_of_draft(std::string_view head) {
  const json value = json::parse(head, nullptr, false);
  PartName out{etcd::text_at(value, "part"), etcd::number_at(value, "bytes")};
  return out.packed <= kMaxPart ? out : PartName{};
}

// Work with the bytes of a draft takes too long for the loop's thread.
template <typename T>
Task<Result<T>> Drafts::run_aside(std::function<Result<T>()> work) {
  std::optional<Result<T>> done = co_await pool_.run<Result<T>>(client_.loop(), std::move(work));
  if (!done) co_return Result<T>(Error{"the gateway has too much other work for this draft: try again"});
  co_return std::move(*done);
}

Task<Result<Drafts::Head>> Drafts::head(std::string name) {
  etcd::RangeRequest request{.key = layout_.drafts() + name};
  Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
  if (!answer) co_return answer.error();
  Head out{.item = {}, .revision = answer->revision};
  if (!answer->items.empty()) out.item = std::move(answer->items.front());
  co_return out;
}

Task<Result<Drafts::Listed>> Drafts::list() {
  etcd::RangeRequest request{.key = layout_.drafts(),
                             .range_end = etcd::range_end(layout_.drafts()),
                             .content = etcd::RangeRequest::Content::kKeysOnly};
  const Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
  if (!answer) co_return answer.error();
  Listed out{.names = {}, .revision = answer->revision};
  for (const etcd::KeyValue& item : answer->items)
    out.names.emplace_back(Layout::name_in(layout_.drafts(), item.key).value_or(""));
  co_return out;
}

Task<Result<std::vector<std::string>>> Drafts::names() {
  Result<Listed> listed = co_await list();
  if (!listed) co_return listed.error();
  co_return std::move(listed->names);
}

// All pieces are read as they were at `revision` of etcd, so another writer does not disturb.
Task<Result<std::string>> Drafts::fetch(PartName part, uint64_t revision) {
  std::string out;
  for (size_t i = 0; i < piece_count(part); ++i) {
    etcd::RangeRequest request{.key = layout_.piece(part.hash, i), .revision = revision};
    const Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
    if (!answer) co_return answer.error();
    if (!answer->items.empty()) out += answer->items.front().value;
  }
  co_return out;
}

Task<Result<std::optional<Drafts::Draft>>> Drafts::read(std::string name) {
  std::string its_name = name;
  const Result<Head> found = co_await head(std::move(its_name));
  if (!found) co_return found.error();
  std::optional<Draft> out;
  if (found->item.mod_revision == 0) co_return out;
  out = Draft{.text = {}, .changed = found->item.mod_revision};
  PartName part = part_of_draft(found->item.value);
  if (part.hash.empty()) {
    out->fault = damaged(name).message;
    co_return out;
  }
  Result<std::string> bytes = co_await fetch(std::move(part), found->revision);
  if (!bytes) co_return bytes.error();
  using Text = Result<std::string>;
  std::function<Result<Text>()> work = [keys = keys_, name, its_head = found->item.value,
                                        its_bytes = std::move(*bytes)] {
    return Result<Text>(open_draft(keys, name, its_head, its_bytes));
  };
  Result<Text> text = co_await run_aside<Text>(std::move(work));
  if (!text) co_return text.error();
  if (*text)
    out->text = std::move(**text);
  else
    out->fault = text->error().message;
  co_return out;
}

Task<Result<Drafts::Sealed>> Drafts::seal_aside(std::string name, std::string text) {
  std::function<Result<Sealed>()> work = [keys = keys_, its_name = std::move(name),
                                          its_text = std::move(text)]() -> Result<Sealed> {
    auto sealed = keys.box->seal(keys.current, pack(its_text), draft_context(its_name));
    if (!sealed) return sealed.error();
    PartName part{hash_of_bytes(sealed->box), sealed->box.size()};
    std::string head = json_text(json{{"part", part.hash}, {"bytes", part.packed}, {"key", sealed->key}});
    return Sealed{std::move(part), std::move(head), std::move(sealed->box)};
  };
  co_return co_await run_aside<Sealed>(std::move(work));
}

Task<Result<Drafts::Outcome>> Drafts::write(std::string name, std::string text, uint64_t seen,
                                            size_t max_drafts) {
  Write write{.name = std::move(name), .seen = seen, .max_drafts = max_drafts};
  std::string its_name = write.name;
  const Result<Head> present = co_await head(std::move(its_name));
  if (!present) co_return present.error();
  if (present->item.mod_revision != seen) co_return Outcome::kConflict;
  if (seen != 0) write.before = part_of_draft(present->item.value);
  its_name = write.name;
  Result<Sealed> sealed = co_await seal_aside(std::move(its_name), std::move(text));
  if (!sealed) co_return sealed.error();
  write.sealed = std::move(*sealed);
  if (piece_count(write.sealed.part) > 1) {
    write.publishing = layout_.publishing() + crypto::hex_encode(crypto::random_bytes(8));
    if (Status sent = co_await send_pieces(write); !sent) co_return sent.error();
  }
  co_return co_await complete(write);
}

// Writes `publishing/ID` and then the pieces, so that no sweep removes them.
Task<Status> Drafts::send_pieces(const Write& write) {
  const Result<uint64_t> lease = co_await client_.grant_lease(kWriteTime);
  if (!lease) co_return lease.error();
  std::string key = write.publishing;
  const Result<uint64_t> begun = co_await client_.put(std::move(key), "", *lease);
  if (!begun) co_return begun.error();
  const Sealed& sealed = write.sealed;
  for (size_t i = 0; i < piece_count(sealed.part); ++i) {
    key = layout_.piece(sealed.part.hash, i);
    std::string piece = sealed.bytes.substr(i * kPieceBytes, kPieceBytes);
    const Result<uint64_t> sent = co_await client_.put(std::move(key), std::move(piece));
    if (!sent) co_return sent.error();
  }
  co_return Status();
}

// `listed`: the revision of etcd at which the drafts were counted.
etcd::Transaction Drafts::completion(const Write& write, uint64_t listed) const {
  const std::string key = layout_.drafts() + write.name;
  etcd::Transaction out;
  out.require_mod_revision(key, write.seen);
  if (write.seen == 0)
    out.require_unchanged_since(layout_.drafts(), etcd::range_end(layout_.drafts()), listed);
  if (write.publishing.empty()) {
    out.put(layout_.piece(write.sealed.part.hash, 0), write.sealed.bytes);
  } else {
    out.require_present(write.publishing);
    out.remove(write.publishing);
  }
  out.put(key, write.sealed.head);
  for (size_t i = 0; i < piece_count(write.before); ++i) out.remove(layout_.piece(write.before.hash, i));
  out.get({.key = key}, Branch::kOtherwise);
  out.get({.key = write.publishing.empty() ? key : write.publishing}, Branch::kOtherwise);
  return out;
}

// A new draft is written only if no draft was written since all were counted. Otherwise they are counted
// again.
Task<Result<Drafts::Outcome>> Drafts::complete(const Write& write) {
  constexpr int kTries = 10;
  for (int tries = 0; tries < kTries; ++tries) {
    Listed listed;
    if (write.seen == 0) {
      Result<Listed> all = co_await list();
      if (!all) co_return all.error();
      listed = std::move(*all);
      if (listed.names.size() >= write.max_drafts) co_return Outcome::kTooMany;
    }
    etcd::Transaction transaction = completion(write, listed.revision);
    const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
    if (!answer) co_return answer.error();
    if (answer->succeeded) co_return Outcome::kDone;
    if (answer->reads.size() != 2) co_return Error{"etcd's answer to a transaction is incomplete: try again"};
    const auto& present = answer->reads[0].items;
    // The client may have done the transaction twice: then this is the draft of the first time.
    if (!present.empty() && present[0].value == write.sealed.head) co_return Outcome::kDone;
    if ((present.empty() ? 0 : present[0].mod_revision) != write.seen) co_return Outcome::kConflict;
    if (!write.publishing.empty() && answer->reads[1].items.empty())
      co_return Error{"etcd took too long to write the draft `" + write.name + "`: try again"};
  }
  co_return Outcome::kConflict;
}

Task<Result<Drafts::Outcome>> Drafts::remove(std::string name, uint64_t seen) {
  std::string its_name = name;
  const Result<Head> present = co_await head(std::move(its_name));
  if (!present) co_return present.error();
  if (present->item.mod_revision != seen) co_return Outcome::kConflict;
  const std::string key = layout_.drafts() + name;
  const PartName part = part_of_draft(present->item.value);
  etcd::Transaction transaction;
  transaction.require_mod_revision(key, seen);
  transaction.remove(key);
  for (size_t i = 0; i < piece_count(part); ++i) transaction.remove(layout_.piece(part.hash, i));
  transaction.get({.key = key}, Branch::kOtherwise);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  // The client may have done the transaction twice: then the draft is gone already.
  const bool is_gone = !answer->reads.empty() && answer->reads[0].items.empty();
  co_return answer->succeeded || is_gone ? Outcome::kDone : Outcome::kConflict;
}

}  // namespace portcullis::cluster

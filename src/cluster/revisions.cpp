#include "cluster/revisions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "base/json_text.h"
#include "base/text.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

// What is asked for in one transaction: well below what etcd's gateway and its client take.
constexpr size_t kBytesAsked = 2 << 20;
constexpr size_t kPiecesAsked = 100;

Error no_room() {
  return Error{"the gateway has too much other work to read a revision: try again"};
}

}  // namespace

size_t piece_count(const PartName& part) {
  return (part.packed + kPieceBytes - 1) / kPieceBytes;
}

std::string current_text(const Current& current) {
  return json_text(nlohmann::json{{"number", current.number}, {"publication", current.publication}});
}

Current current_from(const etcd::RangeAnswer& answer) {
  if (answer.items.empty()) return {};
  const nlohmann::json value = nlohmann::json::parse(answer.items.front().value, nullptr, false);
  return {.number = etcd::number_at(value, "number"),
          .publication = etcd::text_at(value, "publication"),
          .changed = answer.items.front().mod_revision};
}

Task<Result<Current>> Revisions::current() {
  etcd::RangeRequest request{.key = layout_.current()};
  const Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
  if (!answer) co_return answer.error();
  co_return current_from(*answer);
}

Task<Result<Revisions::Newest>> Revisions::newest() {
  etcd::Transaction transaction;
  transaction.get({.key = layout_.current()});
  transaction.get({.key = layout_.tags(), .range_end = etcd::range_end(layout_.tags())});
  transaction.get({.key = layout_.canary()});
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  if (answer->reads.size() != 3) co_return Error{"etcd's answer to a transaction is incomplete: try again"};
  Newest out{.current = current_from(answer->reads[0]), .tags = {.moment = answer->revision}};
  for (const etcd::KeyValue& item : answer->reads[1].items) {
    if (const auto name = Layout::name_in(layout_.tags(), item.key))
      out.tags.tags[std::string(*name)] = parse_decimal(item.value).value_or(0);
  }
  if (!answer->reads[2].items.empty()) out.canary = answer->reads[2].items.front().value;
  co_return out;
}

Task<Result<std::vector<Header>>> Revisions::headers(std::vector<uint64_t> numbers) {
  std::vector<Header> out;
  if (numbers.empty()) co_return out;
  etcd::Transaction transaction;
  for (const uint64_t number : numbers) transaction.get({.key = layout_.revision(number)});
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  for (const etcd::RangeAnswer& read : answer->reads) {
    for (const etcd::KeyValue& item : read.items) {
      auto header = unpacked_header(item.value);
      if (!header) co_return Error{item.key + ": " + header.error().message};
      out.push_back(std::move(*header));
    }
  }
  co_return out;
}

Task<Result<std::vector<uint64_t>>> Revisions::numbers() {
  constexpr size_t kPage = 1'000;
  etcd::RangeRequest request{.key = layout_.revisions(),
                             .range_end = etcd::range_end(layout_.revisions()),
                             .content = etcd::RangeRequest::Content::kKeysOnly};
  const Result<etcd::RangeAnswer> answer = co_await client_.range_in_pages(std::move(request), kPage);
  if (!answer) co_return answer.error();
  std::vector<uint64_t> out;
  for (const etcd::KeyValue& item : answer->items) {
    const auto name = Layout::name_in(layout_.revisions(), item.key);
    if (const auto number = name ? parse_decimal(*name) : std::nullopt) out.push_back(*number);
  }
  std::sort(out.begin(), out.end());
  co_return out;
}

Task<Result<store::Found<ContentPtr>>> Revisions::read(uint64_t number) {
  if (number == 0) co_return store::Found<ContentPtr>(no_content());
  std::vector<uint64_t> numbers{number};
  Result<std::vector<Header>> found = co_await headers(std::move(numbers));
  if (!found) co_return found.error();
  if (found->empty()) {
    const Result<Current> newest = co_await current();
    if (!newest) co_return newest.error();
    co_return store::Found<ContentPtr>(number <= newest->number ? store::Missing::kExpired
                                                                : store::Missing::kRevision);
  }
  Result<ContentPtr> content = co_await read(std::move(found->front()));
  if (!content) co_return content.error();
  co_return store::Found<ContentPtr>(std::move(*content));
}

Task<Result<ContentPtr>> Revisions::read(Header header) {
  std::vector<Header> headers;
  headers.push_back(std::move(header));
  Result<std::vector<ContentPtr>> contents = co_await read_all(std::move(headers));
  if (!contents) co_return contents.error();
  co_return std::move(contents->front());
}

Task<Result<std::vector<ContentPtr>>> Revisions::read_all(std::vector<Header> headers) {
  std::vector<Fetched> missing;
  std::set<std::string> asked;
  // Held until the end, so that no part is forgotten meanwhile.
  std::map<std::string, BucketPtr> held;
  for (const Header& header : headers) {
    for (const PartName& part : header.parts) {
      if (BucketPtr bucket = known(part)) {
        held[part.hash] = std::move(bucket);
      } else if (asked.insert(part.hash).second) {
        missing.push_back({part});
      }
    }
  }
  if (Status fetched = co_await fetch(missing); !fetched) co_return fetched.error();
  using Buckets = Result<std::vector<BucketPtr>>;
  std::function<Buckets()> unpack_all = [parts = std::move(missing)]() -> Buckets {
    std::vector<BucketPtr> out;
    for (const Fetched& part : parts) {
      auto bucket = bucket_from(part.part, part.bytes);
      if (!bucket) return bucket.error();
      out.push_back(std::move(*bucket));
    }
    return out;
  };
  const std::optional<Buckets> unpacked = co_await pool_.run<Buckets>(client_.loop(), std::move(unpack_all));
  if (!unpacked) co_return no_room();
  if (!*unpacked) co_return unpacked->error();
  for (const BucketPtr& bucket : **unpacked) held[bucket->part.hash] = bucket;
  std::vector<ContentPtr> out;
  for (Header& header : headers) {
    auto content = std::make_shared<Content>();
    for (const PartName& part : header.parts) content->buckets.push_back(held[part.hash]);
    content->header = std::move(header);
    out.push_back(std::move(content));
    remember(out.back());
  }
  co_return out;
}

void Revisions::remember(const ContentPtr& content) {
  std::erase_if(buckets_, [](const auto& one) { return one.second.expired(); });
  for (const BucketPtr& bucket : content->buckets) buckets_[bucket->part.hash] = bucket;
}

Revisions::BucketPtr Revisions::known(const PartName& part) const {
  static const auto kEmpty = std::make_shared<const Bucket>();
  if (part.hash.empty()) return kEmpty;
  const auto found = buckets_.find(part.hash);
  return found == buckets_.end() ? nullptr : found->second.lock();
}

Task<Status> Revisions::fetch(std::vector<Fetched>& parts) {
  std::vector<Fetched*> whose;
  etcd::Transaction transaction;
  size_t bytes = 0;
  for (Fetched& part : parts) {
    for (size_t i = 0; i < piece_count(part.part); ++i) {
      transaction.get({.key = layout_.piece(part.part.hash, i)});
      whose.push_back(&part);
      bytes += std::min(part.part.packed, kPieceBytes);
      if (whose.size() < kPiecesAsked && bytes < kBytesAsked) continue;
      Status fetched = co_await fetch_pieces(std::exchange(whose, {}), std::exchange(transaction, {}));
      if (!fetched) co_return fetched;
      bytes = 0;
    }
  }
  if (!whose.empty()) co_return co_await fetch_pieces(std::move(whose), std::move(transaction));
  co_return Status();
}

Task<Status> Revisions::fetch_pieces(std::vector<Fetched*> parts, etcd::Transaction transaction) {
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i >= answer->reads.size() || answer->reads[i].items.empty())
      co_return Error{"etcd has no part " + parts[i]->part.hash +
                      ": the revision has expired meanwhile, or restore etcd from a backup"};
    parts[i]->bytes += answer->reads[i].items.front().value;
    bytes_read_ += answer->reads[i].items.front().value.size();
  }
  co_return Status();
}

}  // namespace portcullis::cluster

#include "cluster/documents.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "cluster/observer.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

using nlohmann::json;

constexpr std::string_view kKeyText = "portcullis", kKeyContext = "key_check";

std::string random_name() {
  return crypto::hex_encode(crypto::random_bytes(8));
}

Result<std::string> key_check_text(const Keys& keys) {
  const auto sealed = keys.box->seal(keys.current, kKeyText, kKeyContext);
  if (!sealed) return sealed.error();
  return json_text(json{{"key", sealed->key},
                        {"box", etcd::encode(sealed->box)},
                        {"digest", crypto::hex_encode(crypto::text_of(keys.box->digest(kKeyText)))}});
}

Status compare_keys(const Keys& keys, const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  const auto opened = keys.box->open(etcd::text_at(value, "key"), etcd::bytes_at(value, "box"), kKeyContext);
  const std::string digest = crypto::hex_encode(crypto::text_of(keys.box->digest(kKeyText)));
  if (opened && *opened == kKeyText && etcd::text_at(value, "digest") == digest) return {};
  return Error{
      "the key file of this node is not the one of the cluster: copy `store.key_file` from another node"};
}

}  // namespace

Task<Result<std::optional<etcd::KeyValue>>> Documents::get(std::string key) {
  etcd::RangeRequest request{.key = std::move(key)};
  Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
  if (!answer) co_return answer.error();
  std::optional<etcd::KeyValue> out;
  if (!answer->items.empty()) out = std::move(answer->items.front());
  co_return out;
}

Task<Result<Documents::WriteOutcome>> Documents::write(std::string key, std::string value, uint64_t seen) {
  etcd::Transaction transaction;
  transaction.require_mod_revision(key, seen);
  transaction.put(key, value);
  transaction.get({.key = key}, etcd::Transaction::Branch::kOtherwise);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  if (answer->succeeded) co_return WriteOutcome(Written{answer->revision});
  // The client may have done the transaction twice: then this is the value of the first time.
  if (!answer->reads.empty() && !answer->reads[0].items.empty() && answer->reads[0].items[0].value == value)
    co_return WriteOutcome(Written{answer->reads[0].items[0].mod_revision});
  co_return WriteOutcome(Conflict{});
}

Task<Result<Documents::WriteOutcome>> Documents::remove(std::string key, uint64_t seen) {
  etcd::Transaction transaction;
  transaction.require_mod_revision(key, seen);
  transaction.remove(key);
  transaction.get({.key = key}, etcd::Transaction::Branch::kOtherwise);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  const bool is_gone = !answer->reads.empty() && answer->reads[0].items.empty();
  if (answer->succeeded || is_gone) co_return WriteOutcome(Written{0});
  co_return WriteOutcome(Conflict{});
}

Task<Result<std::optional<Document>>> Documents::canary() {
  std::string key = layout_.canary();
  Result<std::optional<etcd::KeyValue>> found = co_await get(std::move(key));
  if (!found) co_return found.error();
  std::optional<Document> out;
  if (*found) out = Document{std::move((*found)->value), (*found)->mod_revision};
  co_return out;
}

Task<Result<Documents::WriteOutcome>> Documents::write_canary(std::string text, uint64_t seen) {
  std::string key = layout_.canary();
  co_return co_await write(std::move(key), std::move(text), seen);
}

Task<Result<Documents::WriteOutcome>> Documents::remove_canary(uint64_t seen) {
  std::string key = layout_.canary();
  co_return co_await remove(std::move(key), seen);
}

Task<Result<store::Found<uint64_t>>> Documents::tag(std::string name, uint64_t number) {
  etcd::Transaction transaction;
  transaction.require_present(layout_.revision(number));
  transaction.put(layout_.tags() + name, std::to_string(number));
  transaction.get({.key = layout_.current()}, etcd::Transaction::Branch::kOtherwise);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  if (answer->succeeded) co_return store::Found<uint64_t>(number);
  const Current newest = answer->reads.empty() ? Current{} : current_from(answer->reads[0]);
  co_return store::Found<uint64_t>(number != 0 && number <= newest.number ? store::Missing::kExpired
                                                                          : store::Missing::kRevision);
}

Task<Result<Documents::Untagged>> Documents::remove_tag(std::string name) {
  const std::string key = layout_.tags() + name;
  etcd::Transaction transaction;
  transaction.require_present(key);
  transaction.remove(key);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  co_return answer->succeeded ? Untagged::kRemoved : Untagged::kUnknown;
}

bool Documents::fits(const Event& event) const {
  constexpr size_t kKey = 256;
  return text_of(event, random_name(), keys_).size() + layout_.events().size() + kKey <=
         etcd::kMaxRequestBytes;
}

// The client may do the transaction twice: the second time, the key is there, and nothing is written.
Task<Status> Documents::send(Event event) {
  const Result<uint64_t> lease = co_await client_.grant_lease(Observer::kEventTime);
  if (!lease) co_return lease.error();
  const std::string name = random_name(), key = layout_.events() + name;
  etcd::Transaction transaction;
  transaction.require_mod_revision(key, 0);
  transaction.put(key, text_of(event, name, keys_), *lease);
  const Result<etcd::TransactionAnswer> sent = co_await client_.commit(std::move(transaction));
  if (!sent) co_return sent.error();
  co_return Status();
}

Task<Status> Documents::append_audit(std::string line) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string time = std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  constexpr size_t kDigits = 20;  // so that keys are in the order of times
  std::string key = layout_.audit() + std::string(kDigits - std::min(time.size(), kDigits), '0') + time +
                    '-' + random_name();
  const Result<uint64_t> written = co_await client_.put(std::move(key), std::move(line));
  if (!written) co_return written.error();
  co_return Status();
}

Task<Result<std::vector<std::string>>> Documents::audit(size_t limit) {
  etcd::RangeRequest request{.key = layout_.audit(),
                             .range_end = etcd::range_end(layout_.audit()),
                             .limit = limit,
                             .order = etcd::RangeRequest::Order::kDescending};
  Result<etcd::RangeAnswer> answer = co_await client_.range(std::move(request));
  if (!answer) co_return answer.error();
  std::vector<std::string> out;
  for (etcd::KeyValue& item : answer->items) out.push_back(std::move(item.value));
  co_return out;
}

Task<Status> Documents::check_keys(Keys keys) {
  const Result<std::string> mine = key_check_text(keys);
  if (!mine) co_return mine.error();
  etcd::Transaction transaction;
  transaction.require_mod_revision(layout_.key_check(), 0);
  transaction.put(layout_.key_check(), *mine);
  transaction.get({.key = layout_.key_check()}, etcd::Transaction::Branch::kOtherwise);
  const Result<etcd::TransactionAnswer> answer = co_await client_.commit(std::move(transaction));
  if (!answer) co_return answer.error();
  if (answer->succeeded) co_return Status();
  if (answer->reads.empty() || answer->reads[0].items.empty())
    co_return Error{"etcd's answer to a transaction is incomplete: try again"};
  co_return compare_keys(keys, answer->reads[0].items[0].value);
}

}  // namespace portcullis::cluster

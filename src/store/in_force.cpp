#include "store/in_force.h"

#include <cstdint>

#include "base/text.h"
#include "store/schema.h"
#include "store/store.h"

namespace portcullis::store {
namespace {

using sqlite::Transaction;

constexpr std::string_view kInForce = "in_force";
}  // namespace

Status set_in_force(sqlite::Database& database, uint64_t number, std::string_view canary) {
  if (Status set = set_meta(database, kInForce, std::to_string(number)); !set) return set;
  return set_meta(database, kCanaryRow, canary);
}

Result<InForce> Store::in_force() {
  auto found = head();
  if (!found) return found.error();
  return std::move(found->in_force);
}

Result<Head> Store::head() {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kRead);
  if (!transaction) return transaction.error();
  const auto last = revisions(UINT64_MAX, 1);
  if (!last) return last.error();
  if (last->empty()) return Head{};
  const auto text = meta_of(database_, kInForce);
  if (!text) return text.error();
  auto canary = meta_of(database_, kCanaryRow);
  if (!canary) return canary.error();
  const Revision& newest_one = last->front();
  const auto number = parse_decimal(*text);
  // A store that was written before canaries were stored does not have the number.
  if (!number || *number == 0) return Head{newest_one.number, newest_one.hash, {newest_one.number}};
  return Head{newest_one.number, newest_one.hash, {*number, std::move(*canary)}};
}

Result<std::optional<uint64_t>> Store::served() {
  const auto text = meta_of(database_, kInForce);
  if (!text) return text.error();
  return parse_decimal(*text);
}

Status Store::set_in_force(uint64_t number) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status set = store::set_in_force(database_, number, ""); !set) return set;
  return transaction->commit();
}

Status Store::set_served(uint64_t number) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status set = set_meta(database_, kInForce, std::to_string(number)); !set) return set;
  return transaction->commit();
}

Status Store::set_canary(std::string_view text) {
  auto transaction = Transaction::begin(database_, Transaction::Kind::kWrite);
  if (!transaction) return transaction.error();
  if (Status set = set_meta(database_, kCanaryRow, text); !set) return set;
  return transaction->commit();
}

Result<std::string> Store::canary() {
  return meta_of(database_, kCanaryRow);
}

Status Store::end_canary(uint64_t in_force) {
  return set_in_force(in_force);
}

}  // namespace portcullis::store

#include "cluster/publisher.h"

#include <utility>

#include "cluster/view.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::cluster {
namespace {

// What is written in one transaction.
constexpr size_t kBytesWritten = 900 * 1024;
constexpr size_t kPiecesWritten = 100;
static_assert(kBytesWritten + kPieceBytes < etcd::kMaxRequestBytes && kPiecesWritten < etcd::kMaxOperations);

using Branch = etcd::Transaction::Branch;

// An etcd that was restored from a backup may have another revision of the same number.
bool is_of(const store::Draft& draft, const Content& newest) {
  return draft.newest_hash.empty() || draft.newest_hash == newest.header.revision.hash;
}

store::Overtaken overtaken_by_another(uint64_t number) {
  return {number, "etcd was restored: its revision " + std::to_string(number) +
                      " is another one than the one that this change was made from"};
}

}  // namespace

Task<Result<PublishOutcome>> Publisher::publish(store::Draft draft, store::Changes changes) {
  return publish_in_scope(std::move(draft), std::move(changes), Scope::kChanges);
}

Task<Result<PublishOutcome>> Publisher::publish_all(store::Draft draft, std::vector<store::Object> objects) {
  return publish_in_scope(std::move(draft), {std::move(objects), {}}, Scope::kWhole);
}

Task<Result<PublishOutcome>> Publisher::publish_in_scope(store::Draft draft, store::Changes changes,
                                                         Scope scope) {
  const Result<Current> base = co_await revisions_.current();
  if (!base) co_return base.error();
  if (base->number != draft.newest) co_return PublishOutcome(store::overtaken_by(base->number, draft));
  const Result<ContentPtr> newest = co_await newest_content(*base);
  if (!newest) co_return newest.error();
  if (!is_of(draft, **newest)) co_return PublishOutcome(overtaken_by_another(base->number));
  Result<ContentPtr> parent = *newest;
  if (draft.parent.value_or(base->number) != base->number) parent = co_await content_of(*draft.parent);
  if (!parent) co_return parent.error();

  using Outcome = Result<BuildOutcome>;
  BuildRequest request{.newest = *newest,
                       .parent = *parent,
                       .draft = draft,
                       .changes = std::move(changes),
                       .scope = scope,
                       .publication = crypto::hex_encode(crypto::random_bytes(8))};
  std::function<Outcome()> work = [its_request = std::move(request), keys = keys_] {
    return build(its_request, keys);
  };
  const std::optional<Outcome> outcome = co_await pool_.run<Outcome>(client_.loop(), std::move(work));
  if (!outcome) co_return Error{"the gateway has too much other work to publish: try again"};
  if (!*outcome) co_return outcome->error();
  if (const auto* unchanged = std::get_if<store::Unchanged>(&**outcome)) co_return PublishOutcome(*unchanged);
  if (const auto* unusable = std::get_if<store::Unusable>(&**outcome)) co_return PublishOutcome(*unusable);
  const Built& built = std::get<Built>(**outcome);

  const uint64_t lease = lease_.id();
  if (lease == 0) co_return Error{"this node has no lease in etcd at present: try again when etcd answers"};
  if (Status written = co_await write_parts(built, lease); !written) co_return written.error();
  Result<PublishOutcome> done = co_await complete(built, *base, draft);
  if (done && std::holds_alternative<Published>(*done)) {
    newest_ = built.content;
    revisions_.remember(newest_);
  }
  co_return done;
}

Task<Result<ContentPtr>> Publisher::newest_content(const Current& current) {
  if (newest_->header.revision.number == current.number && newest_->header.publication == current.publication)
    co_return newest_;
  co_return co_await content_of(current.number);
}

Task<Result<ContentPtr>> Publisher::content_of(uint64_t number) {
  Result<store::Found<ContentPtr>> found = co_await revisions_.read(number);
  if (!found) co_return found.error();
  if (const auto* content = std::get_if<ContentPtr>(&*found)) co_return *content;
  co_return Error{"revision " + std::to_string(number) + " is not kept in etcd: choose another parent"};
}

Task<Status> Publisher::write_parts(const Built& built, uint64_t lease) {
  etcd::Transaction transaction;
  transaction.put(layout_.publishing() + built.content->header.publication, "", lease);
  for (const Built::Part& part : built.parts) {
    for (size_t i = 0; i * kPieceBytes < part.bytes.size(); ++i) {
      transaction.put(layout_.piece(part.hash, i), part.bytes.substr(i * kPieceBytes, kPieceBytes));
      if (transaction.operations() < kPiecesWritten && transaction.bytes() < kBytesWritten) continue;
      const Result<etcd::TransactionAnswer> written = co_await client_.commit(std::exchange(transaction, {}));
      if (!written) co_return written.error();
    }
  }
  if (transaction.operations() == 0) co_return Status();
  const Result<etcd::TransactionAnswer> written = co_await client_.commit(std::move(transaction));
  if (!written) co_return written.error();
  co_return Status();
}

etcd::Transaction Publisher::completion(const Built& built, const Current& base,
                                        const store::Draft& draft) const {
  const Header& header = built.content->header;
  const std::string mine = layout_.publishing() + header.publication;
  etcd::Transaction out;
  out.require_mod_revision(layout_.current(), base.changed);
  out.require_present(mine);
  out.put(layout_.revision(header.revision.number), packed_header(header));
  out.put(layout_.current(), current_text({header.revision.number, header.publication}));
  if (const auto canary = begun_canary(header.revision, draft)) {
    out.put(layout_.canary(), text_of(*canary));
  } else {
    out.remove(layout_.canary());
  }
  out.remove(mine);
  out.get({.key = layout_.current()}, Branch::kOtherwise);
  out.get({.key = layout_.revision(header.revision.number)}, Branch::kOtherwise);
  out.remove(mine, Branch::kOtherwise);
  return out;
}

// The transaction can be repeated until there is an answer: one that was done already finds its own revision.
Task<Result<PublishOutcome>> Publisher::complete(const Built& built, const Current& base,
                                                 const store::Draft& draft) {
  constexpr int kTries = 4;
  constexpr Milliseconds kPause{300};
  const Header& header = built.content->header;
  Result<etcd::TransactionAnswer> answer = Error{""};
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) co_await sleep_for(client_.loop(), kPause);
    etcd::Transaction transaction = completion(built, base, draft);
    answer = co_await client_.commit(std::move(transaction));
    if (answer) break;
  }
  if (!answer)
    co_return Error{answer.error().message + ". The outcome is unknown: look whether revision " +
                    std::to_string(header.revision.number) + " is there before you try again"};
  if (answer->succeeded) co_return PublishOutcome(Published{built.content});
  if (answer->reads.size() != 2) co_return Error{"etcd's answer to a transaction is incomplete: try again"};
  if (!answer->reads[1].items.empty()) {
    const Result<Header> there = unpacked_header(answer->reads[1].items.front().value);
    if (there && there->publication == header.publication) co_return PublishOutcome(Published{built.content});
  }
  const Current newest = current_from(answer->reads[0]);
  if (newest.changed == base.changed)
    co_return Error{
        "this node has lost its lease in etcd while it published, and nothing was published: try again"};
  co_return PublishOutcome(store::overtaken_by(newest.number, draft));
}

}  // namespace portcullis::cluster

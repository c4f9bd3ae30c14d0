#include "control/cluster/mirror.h"

#include <algorithm>
#include <utility>

#include "cluster/sealed_object.h"

namespace portcullis::control {
namespace {

using cluster::ContentPtr;
using TakenOver = store::Store::TakenOver;

// What the store says of the canary while it does not have the newest revision.
constexpr std::string_view kIncomplete = "incomplete";

// The revision as the store takes it: how it differs from `before`, or whole when that is null.
Result<store::Foreign> foreign_of(const cluster::Content& content, const cluster::Content* before,
                                  const store::SecretBox& box) {
  using Scope = store::Foreign::Scope;
  store::Foreign out{.revision = content.header.revision,
                     .publication = content.header.publication,
                     .scope = before == nullptr ? Scope::kWhole : Scope::kChanges,
                     .put = {}};
  cluster::Difference differs;
  if (before == nullptr) {
    differs.put = cluster::objects_of(content);
  } else {
    differs = cluster::difference(*before, content);
    out.base = before->header.revision.number;
  }
  for (const cluster::SealedObject* sealed : differs.put) {
    auto opened = cluster::open(*sealed, box);
    if (!opened) return opened.error();
    out.put.push_back(std::move(*opened));
  }
  out.remove = std::move(differs.removed);
  return out;
}

// What is stored with revisions.
struct Beside {
  std::optional<store::Tags> tags{};
  std::string canary{};
};

Status take_over_in(store::Store& store, const std::vector<ContentPtr>& contents, ContentPtr before,
                    const Beside& beside, const store::SecretBox& box) {
  std::vector<store::Foreign> revisions;
  for (const ContentPtr& content : contents) {
    auto foreign = foreign_of(*content, before.get(), box);
    if (!foreign) return foreign.error();
    revisions.push_back(std::move(*foreign));
    before = content;
  }
  return store.take_over(revisions, beside.tags, beside.canary);
}

Error another_history(uint64_t number) {
  return Error{"etcd has other revisions than the store of this node, whose newest is revision " +
               std::to_string(number) +
               ": when etcd was restored or made anew, restart the node with another file as its store"};
}

}  // namespace

Result<std::optional<cluster::Canary>> stored_canary(const std::string& text) {
  std::optional<cluster::Canary> canary = cluster::canary_from(text);
  if (!text.empty() && !canary)
    return Error{
        "what the cluster says of its canary cannot be read by this version, so it is not known which "
        "revision is in force"};
  return canary;
}

Result<std::optional<cluster::Canary>> Mirror::canary() const {
  return stored_canary(canary_.value_or(""));
}

Status check_is_copy(RevisionStore& store) {
  const auto held = store.ask_now<TakenOver>([](store::Store& opened) { return opened.taken_over(); });
  return held ? Status() : Status(held.error());
}

// The newest revision that the store has must be one of the cluster's, unless it has expired there.
Task<Status> Mirror::compare(TakenOver held) {
  if (held.number == 0) co_return Status();
  Task<Result<std::vector<cluster::Header>>> reading = revisions_.headers({held.number});
  const Result<std::vector<cluster::Header>> headers = co_await reading;
  if (!headers) co_return headers.error();
  const bool same = headers->empty() || headers->front().publication == held.publication;
  co_return same ? Status() : Status(another_history(held.number));
}

Task<Status> Mirror::take_over(std::vector<ContentPtr> contents, std::string canary) {
  const ContentPtr newest = contents.back();
  std::optional<store::Tags> tags;
  if (tags_) tags = tags_->tags;
  RevisionStore::Write call = [its_contents = std::move(contents), before = last_, tags, canary,
                               box = keys_.box](store::Store& store) {
    return take_over_in(store, its_contents, before, {tags, canary}, *box);
  };
  Task<Status> taking = store_.write(std::move(call));
  const Status taken = co_await taking;
  canary_.reset();
  if (!taken) {
    last_.reset();
    co_return taken;
  }
  canary_ = std::move(canary);
  last_ = newest;
  held_ = {newest->header.revision.number, newest->header.publication};
  if (tags) written_tags_ = std::move(tags);
  co_return Status();
}

// The numbers of the cluster's revisions after `number`, up to `newest`.
Task<Result<std::vector<uint64_t>>> Mirror::numbers_after(uint64_t number, uint64_t newest) {
  std::vector<uint64_t> out;
  if (newest - number > cluster::Revisions::kHeadersAtOnce) {
    // Most of them may have expired.
    Task<Result<std::vector<uint64_t>>> listing = revisions_.numbers();
    Result<std::vector<uint64_t>> all = co_await listing;
    if (!all) co_return all.error();
    std::copy_if(all->begin(), all->end(), std::back_inserter(out),
                 [&](uint64_t one) { return one > number && one <= newest; });
  } else {
    for (uint64_t one = number + 1; one <= newest; ++one) out.push_back(one);
  }
  co_return out;
}

// Until the newest revision is there, the store says that it is not known what is in force: an older one may
// be a canary that was withdrawn.
Task<Status> Mirror::copy(std::vector<uint64_t> numbers, std::string canary) {
  for (size_t begin = 0; begin < numbers.size(); begin += cluster::Revisions::kHeadersAtOnce) {
    const size_t end = std::min(begin + cluster::Revisions::kHeadersAtOnce, numbers.size());
    std::vector<uint64_t> some(numbers.begin() + static_cast<ptrdiff_t>(begin),
                               numbers.begin() + static_cast<ptrdiff_t>(end));
    Task<Result<std::vector<cluster::Header>>> reading = revisions_.headers(std::move(some));
    Result<std::vector<cluster::Header>> headers = co_await reading;
    if (!headers) co_return headers.error();
    if (headers->empty()) continue;
    Task<Result<std::vector<ContentPtr>>> fetching = revisions_.read_all(std::move(*headers));
    Result<std::vector<ContentPtr>> contents = co_await fetching;
    if (!contents) co_return contents.error();
    Task<Status> taking =
        take_over(std::move(*contents), end == numbers.size() ? canary : std::string(kIncomplete));
    const Status taken = co_await taking;
    if (!taken) co_return taken;
  }
  co_return Status();
}

// Copies the revisions after the one that the store has, up to `newest`.
Task<Status> Mirror::copy_after(TakenOver held, uint64_t newest, std::string canary) {
  if (last_ != nullptr && last_->header.revision.number != held.number) last_.reset();
  Task<Status> comparing = compare(held);
  const Status same = co_await comparing;
  if (!same) co_return same;
  Task<Result<std::vector<uint64_t>>> listing = numbers_after(held.number, newest);
  Result<std::vector<uint64_t>> numbers = co_await listing;
  if (!numbers) co_return numbers.error();
  Task<Status> copying = copy(std::move(*numbers), std::move(canary));
  co_return co_await copying;
}

// The store is read before etcd: while a successor of this process copies into the same file, the store may
// get newer, but etcd is never older than what was in the store before.
Task<Result<uint64_t>> Mirror::catch_up() {
  RevisionStore::Call<TakenOver> call = [](store::Store& store) { return store.taken_over(); };
  Task<Result<TakenOver>> looking = store_.ask<TakenOver>(std::move(call));
  const Result<TakenOver> held = co_await looking;
  held_.reset();
  if (!held) co_return held.error();
  held_ = *held;
  Task<Result<cluster::Revisions::Newest>> asking = revisions_.newest();
  Result<cluster::Revisions::Newest> newest = co_await asking;
  if (!newest) co_return newest.error();
  const cluster::Current current = std::move(newest->current);
  if (!tags_ || newest->tags.moment > tags_->moment) tags_ = std::move(newest->tags);
  if (!has(current)) {
    if (current.number <= held->number) co_return another_history(held->number);
    Task<Status> copying = copy_after(*held, current.number, newest->canary);
    const Status copied = co_await copying;
    if (!copied) co_return copied.error();
  }
  Task<Status> noting = write_canary(std::move(newest->canary));
  if (const Status noted = co_await noting; !noted) co_return noted.error();
  if (written_tags_ != tags_->tags) {
    Task<Status> writing = write_tags();
    const Status written = co_await writing;
    if (!written) co_return written.error();
  }
  co_return current.number;
}

Task<Status> Mirror::write_canary(std::string text) {
  if (canary_ == text) co_return Status();
  RevisionStore::Write call = [text](store::Store& store) { return store.set_canary(text); };
  Task<Status> writing = store_.write(std::move(call));
  const Status written = co_await writing;
  canary_.reset();
  if (written) canary_ = std::move(text);
  co_return written;
}

Task<Status> Mirror::add(ContentPtr content, std::string canary_text) {
  const uint64_t number = content->header.revision.number;
  const bool follows = last_ != nullptr && last_->header.revision.number + 1 == number;
  Status taken = Error{"the store does not have the revision before"};
  if (follows) {
    std::vector<ContentPtr> contents;
    contents.push_back(std::move(content));
    Task<Status> taking = take_over(std::move(contents), std::move(canary_text));
    taken = co_await taking;
  }
  if (!taken) {
    // So that the store has no gap.
    Task<Result<uint64_t>> catching = catch_up();
    const Result<uint64_t> caught = co_await catching;
    if (!caught) co_return caught.error();
  }
  const auto canary_now = canary();
  if (!canary_now) co_return canary_now.error();
  const uint64_t in_force = cluster::in_force_of(number, *canary_now).number;
  RevisionStore::Write call = [in_force](store::Store& store) { return store.set_served(in_force); };
  Task<Status> noting = store_.write(std::move(call));
  co_return co_await noting;
}

// What the watch tells comes in its order, also after etcd was restored to an earlier moment.
Task<Status> Mirror::copy_tags(cluster::TagsAt tags) {
  if (tags.moment == 0) co_return Status();
  tags_ = std::move(tags);
  Task<Status> writing = write_tags();
  co_return co_await writing;
}

Task<Status> Mirror::write_tags() {
  store::Tags tags = tags_->tags;
  RevisionStore::Write call = [tags](store::Store& store) { return store.set_tags(tags); };
  Task<Status> writing = store_.write(std::move(call));
  const Status written = co_await writing;
  if (!written) co_return written;
  written_tags_ = std::move(tags);
  co_return Status();
}

}  // namespace portcullis::control

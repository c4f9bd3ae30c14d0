// What the cache does for a request that no stored response answers as it is: it fetches, validates, or waits
// for the fetch of another request.
#include <algorithm>

#include "http/method.h"
#include "policy/cache/reasons.h"
#include "policy/cache/shared_cache.h"

namespace portcullis::policy::cache {

using engine::Fetch;
using engine::Store;
using http::FieldId;

namespace {

// The conditional and range fields of a client. The cache removes them from what it fetches, because it needs
// the whole response, and evaluates them itself.
constexpr FieldId kConditions[] = {FieldId::kIfNoneMatch, FieldId::kIfModifiedSince, FieldId::kIfRange,
                                   FieldId::kRange};

constexpr std::string_view kDamaged = "damaged";  // the stored body is damaged; a detail of Cache-Status

}  // namespace

// Begins a fetch, or joins the fetch of another request, or tells that the stored variants have changed
// meanwhile.
SharedCache::Step SharedCache::fetch(Context& context, CacheVisit& visit, const Store::Found& found) const {
  // A response that must be validated for each request cannot be shared with requests that wait.
  const bool validates_always =
      visit.stale != nullptr &&
      (visit.stale->always_validate || visit.stale->lifetime.load(std::memory_order_relaxed) <= 0);
  if (!settings_.coalesce || visit.goes_alone || found.unshared || validates_always) {
    visit.goes_alone = true;
    return begin(context, visit, store_.enter_alone(visit.key));
  }
  std::string_view selecting;
  if (found.variants != nullptr)
    selecting =
        engine::selecting_values(context.request.fields, found.variants->back()->vary.names, context.arena);
  Store::Entered entered = store_.enter(visit.key, found.variants, selecting);
  switch (entered.kind) {
    case Store::Entered::Kind::kChanged: return {{}, Next::kLooksAgain};
    case Store::Entered::Kind::kWait: visit.joined = std::move(entered.fetch); return {{}, Next::kWaits};
    case Store::Entered::Kind::kBegin: break;
  }
  return begin(context, visit, std::move(entered.fetch));
}

// Begins a fetch that has been entered in the store. This request has to end the fetch.
SharedCache::Step SharedCache::begin(Context& context, CacheVisit& visit,
                                     std::shared_ptr<Fetch> fetch) const {
  const bool asks_for_less =
      context.request.method == "HEAD" || context.request.fields.find(FieldId::kRange) != nullptr;
  if (asks_for_less && !visit.goes_alone && fetch_in_background(context, visit, fetch)) {
    // The whole response is fetched in the background, and this request waits for it like the others.
    visit.joined = std::move(fetch);
    return {{}, Next::kWaits};
  }
  visit.fetch = std::move(fetch);
  context.remarks.cache_outcome = visit.stale != nullptr ? "revalidated" : "miss";
  counters_.misses.add(context.worker);
  if (asks_for_less) {
    // The request is forwarded as it is, and its response is not stored.
    store_.abandoned(visit.key, std::exchange(visit.fetch, nullptr));
    return {Decision::proceed()};
  }
  context.handling.outlives_client = !visit.goes_alone;
  ask_upstream(context, visit);
  return {Decision::proceed()};
}

// Changes the request so that the upstream sends the whole response, or confirms the stale one.
void SharedCache::ask_upstream(Context& context, CacheVisit& visit) const {
  http::Fields& fields = context.request.fields;
  // The copy is on the heap, so that only requests that are fetched pay for it.
  visit.request = std::make_unique<http::Fields>(fields);
  for (const FieldId id : kConditions) fields.remove(id);
  visit.asked = engine::now();
  if (visit.stale == nullptr || visit.stale->body->state() != engine::Body::State::kComplete ||
      visit.stale->body->is_lost())
    return;
  const http::Validators& validators = visit.stale->head.validators();
  if (!validators.etag.empty()) fields.add("if-none-match", validators.etag, FieldId::kIfNoneMatch);
  if (!validators.last_modified.empty())
    fields.add("if-modified-since", validators.last_modified, FieldId::kIfModifiedSince);
  visit.validates = !validators.empty();
}

// Sends the request once more without a client; the response is only stored. False when the request could not
// be sent.
bool SharedCache::fetch_in_background(Context& context, const CacheVisit& visit,
                                      std::shared_ptr<Fetch> fetch) const {
  if (context.errands == nullptr) return false;
  return context.errands->send(this, [&](Context& errand) {
    errand.request.method = "GET";
    CacheVisit& its = errand.keep_new<CacheVisit>(this);
    its.key = visit.key;
    its.key.text = errand.arena.copy(visit.key.text);
    its.key.uri = errand.arena.copy(visit.key.uri);
    its.in_background = true;
    its.fetch = std::move(fetch);
    its.stale = visit.stale;
    ask_upstream(errand, its);
  });
}

// Called when a stale response may be sent while it is revalidated: the first request begins a fetch in the
// background.
void SharedCache::refresh(Context& context, const CacheVisit& visit) const {
  const Store::Found found = store_.find(visit.key);
  if (found.variants == nullptr) return;
  const std::string_view selecting =
      engine::selecting_values(context.request.fields, visit.stale->vary.names, context.arena);
  Store::Entered entered = store_.enter(visit.key, found.variants, selecting);
  if (entered.kind != Store::Entered::Kind::kBegin) return;
  if (!fetch_in_background(context, visit, entered.fetch)) store_.abandoned(visit.key, entered.fetch);
}

// Waits for the fetches of other requests, or for the disk, until the request can be answered or has to fetch
// by itself.
Task<Decision> SharedCache::follow(Context& context, CacheVisit& visit, Step now) const {
  static constexpr int kMaxRounds = 4;
  if (now.next == Next::kWaits) counters_.waited.add(context.worker);
  for (int round = 1;; ++round) {
    if (now.next == Next::kWaits) {
      Task<Step> joining = join(context, visit);
      now = co_await joining;
    }
    if (now.next == Next::kDecided) {
      Task<bool> confirming = confirm(context, visit);
      if (co_await confirming) co_return std::move(now.decision);
    }
    if (round >= kMaxRounds) visit.goes_alone = true;
    // After a body could not be read, another try from the store would most likely fail as well.
    const bool gives_up = round > 1 && visit.detail == kDamaged;
    now = gives_up ? begin(context, visit, store_.enter_alone(visit.key)) : step(context, visit);
  }
}

// False when the stored response that was to be sent cannot be read: its file is damaged or gone, or the body
// became too large to be stored before reading began.
Task<bool> SharedCache::confirm(Context& context, CacheVisit& visit) const {
  if (visit.came_too_late(context.request.method)) {
    // The next response for this key would not be stored either.
    visit.goes_alone = true;
  } else {
    if (visit.body == nullptr || visit.body->reader().can_be_sent()) co_return true;
    Task<bool> reading = visit.body->reader().wait(context.loop, settings_.wait);
    if (co_await reading) co_return true;
    visit.detail = kDamaged;
  }
  context.response_body.clear();
  visit.body = nullptr;
  context.response = {};
  visit.answered = false;
  visit.stale = nullptr;
  co_return false;
}

// Waits for the fetch of another request.
Task<SharedCache::Step> SharedCache::join(Context& context, CacheVisit& visit) const {
  const std::shared_ptr<Fetch> joined = visit.joined;
  if (joined->outcome() == Fetch::Outcome::kPending) co_await joined->wait(context.loop, 0, settings_.wait);
  visit.collapsed = true;
  Step out{{}, Next::kLooksAgain};
  switch (joined->outcome()) {
    case Fetch::Outcome::kPending:
      visit.goes_alone = true;
      context.remarks.note = "cache_wait_over";
      break;
    case Fetch::Outcome::kNotShared: visit.goes_alone = true; break;
    case Fetch::Outcome::kFailed: out = {share_failure(context, visit)}; break;
    case Fetch::Outcome::kAbandoned: break;
    case Fetch::Outcome::kStored: {
      // The entry is used even when it has been purged or evicted since, because this request came before
      // that.
      const engine::EntryPointer entry = joined->entry();
      const engine::Variants only{entry};
      const bool fits = engine::select(only, context.request.fields) != nullptr;
      const engine::Time moment = engine::now();
      const bool usable = may_use(*entry, visit, moment) == Use::kYes;
      if (fits && usable && is_near(context, *entry)) {
        out = {serve(context, visit, entry, {.forwarded = visit.forwarded, .collapsed = true}, "collapsed",
                     moment)};
      } else if (fits && !usable) {
        visit.goes_alone = true;
      }
      break;
    }
  }
  co_return out;
}

// The fetch that the request waited for has failed: the client gets the stale response, or the same failure
// as the request that fetched.
Decision SharedCache::share_failure(Context& context, CacheVisit& visit) const {
  const engine::Time moment = engine::now();
  if (visit.stale != nullptr && may_serve_on_error(*visit.stale, moment))
    return serve(context, visit, visit.stale, {.forwarded = visit.forwarded, .collapsed = true}, "stale",
                 moment);
  context.remarks.cache_outcome = "collapsed";
  return Decision::refuse_with(visit.joined->status(), visit.joined->why());
}

Decision SharedCache::serve(Context& context, CacheVisit& visit, engine::EntryPointer entry, Served served,
                            std::string_view outcome, engine::Time moment) const {
  visit.answered = true;
  visit.stale = std::move(entry);  // keeps the entry as long as the exchange lives
  if (!context.explains()) visit.stale->note_use();
  served.detail = visit.detail;
  const bool validated = served.stored;
  const Origin origin = validated ? Origin::kUpstreamNow : Origin::kStore;
  visit.body = &write_stored_answer(context, *visit.stale, origin, moment);
  if (settings_.status_field) write_cache_status(context, served, visit.stale.get(), moment);
  context.remarks.cache_outcome = outcome;
  if (context.explains()) return Decision::answer(kReasons.answered_from_cache);
  if (outcome == "hit") counters_.hits.add(context.worker);
  if (outcome == "stale") counters_.stale.add(context.worker);
  if (outcome == "collapsed") counters_.collapsed.add(context.worker);
  return Decision::answer(kReasons.answered_from_cache);
}

}  // namespace portcullis::policy::cache

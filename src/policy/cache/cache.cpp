#include "policy/cache/cache.h"

#include <algorithm>

#include "base/text.h"
#include "http/method.h"
#include "http/query.h"
#include "policy/cache/reasons.h"
#include "policy/cache/shared_cache.h"
#include "policy/cache/shared_store.h"
#include "policy/services.h"

namespace portcullis::policy::cache_policy {

using cache::Fetch;
using cache::Store;
using http::FieldId;

namespace {

// The conditional and range fields of a client. The cache removes them from what it fetches, because it needs
// the whole response, and evaluates them itself.
constexpr FieldId kConditions[] = {FieldId::kIfNoneMatch, FieldId::kIfModifiedSince, FieldId::kIfRange,
                                   FieldId::kRange};

constexpr std::string_view kDamaged = "damaged";  // the stored body is damaged; a detail of Cache-Status

// True when the stored body was dropped before its reader began. HEAD needs no body.
bool came_too_late(const Context& context, const CacheVisit& visit) {
  return visit.body != nullptr && !visit.body->reader().valid() && context.request.method != "HEAD";
}

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return name == pattern;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

SharedCache::SharedCache(const CacheSettings& settings, const BuildContext& build)
    : settings_(settings),
      store_(build.services.get<SharedStore>().store()),
      key_(settings.key),
      keyed_by_caller_(key_.names_caller()),
      when_(settings.when),
      counters_(build.metrics, std::string(build.place)) {}

std::string_view SharedCache::query_of(Context& context) const {
  const std::string_view query = context.request.query;
  if (settings_.ignore_query.empty() || query.empty()) return query;
  std::string kept;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view, std::string_view whole) {
    const std::string plain = http::decode_query_text(name);
    const bool ignored = std::any_of(settings_.ignore_query.begin(), settings_.ignore_query.end(),
                                     [&](const std::string& one) { return matches(one, plain); });
    if (!ignored) {
      if (!kept.empty()) kept += '&';
      kept += whole;
    }
    return true;
  });
  return context.arena.copy(kept);
}

void SharedCache::make_key(Context& context, CacheVisit& visit) const {
  Arena& arena = context.arena;
  const std::string_view query = query_of(context);
  const std::string_view mark = query.empty() ? "" : "?";
  const std::string_view uri =
      arena.concat(context.scheme, "://", context.authority, context.path, mark, query);
  // The route is part of the key, because two routes may answer for the same URI, for example depending on a
  // header.
  const std::string_view text = arena.concat(context.route, "\n", key_.empty() ? uri : key_.expand(context));
  visit.key = store_.key(text, uri);
}

// True when the request may be answered from the cache.
bool SharedCache::takes_part(Context& context, CacheVisit& visit) const {
  const http::RequestHead& request = context.request;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  visit.is_unsafe = !http::is_safe(request.method);
  if (reads && settings_.client_directives == ClientDirectives::kHonour) {
    visit.wanted = http::read_cache_control(request.fields);
    // RFC 9111 section 5.4: clients without Cache-Control may send `Pragma: no-cache`.
    if (const http::Field* pragma = request.fields.find(FieldId::kPragma);
        pragma != nullptr && request.fields.find(FieldId::kCacheControl) == nullptr &&
        equals_ignoring_case(trim(pragma->value), "no-cache"))
      visit.wanted.no_cache = true;
  }
  visit.forwarded = reads ? "bypass" : "method";  // used only when the request does not take part
  const bool is_plain = request.body.kind == http::BodyKind::kNone && !request.wants_upgrade;
  // Only the origin evaluates If-Match and If-Unmodified-Since (RFC 9111 section 4.3.2).
  const bool is_guarded = request.fields.find(FieldId::kIfMatch) != nullptr ||
                          request.fields.find(FieldId::kIfUnmodifiedSince) != nullptr;
  return reads && is_plain && !is_guarded && !visit.wanted.no_store && when_.holds(context);
}

Decision SharedCache::on_request(Context& context) const {
  // No route matched, so there is no response to store.
  if (context.route.empty()) return Decision::proceed();
  CacheVisit& visit = context.keep_new<CacheVisit>(this);
  const bool takes = takes_part(context, visit);
  if (takes || visit.is_unsafe) make_key(context, visit);
  if (!takes) {
    context.cache_outcome = "bypass";
    if (!context.explains()) counters_.bypassed.add(context.worker);
    return Decision::proceed();
  }
  if (context.explains()) return foresee(context, visit);
  Step first = step(context, visit);
  const bool is_there =
      visit.body == nullptr || (!came_too_late(context, visit) && !visit.body->reader().needs_disk());
  if (first.next == Next::kDecided && is_there) return std::move(first.decision);
  return Decision::suspend(follow(context, visit, std::move(first)));
}

// Decides whether a stored response may be sent (RFC 9111 sections 4.2 and 5.2.1).
SharedCache::Use SharedCache::may_use(const cache::Entry& entry, const CacheVisit& visit,
                                      cache::Time moment) const {
  const http::CacheControl& wanted = visit.wanted;
  if (entry.always_validate || wanted.no_cache) return Use::kNo;
  if (wanted.max_age && entry.age(moment) > *wanted.max_age && !wanted.max_stale) return Use::kNo;
  const auto staleness = entry.staleness(moment);
  if (wanted.min_fresh && -staleness < *wanted.min_fresh) return Use::kNo;
  if (staleness.count() < 0) return Use::kYes;
  if (entry.stale.never) return Use::kNo;
  if (wanted.max_stale && staleness <= *wanted.max_stale && !entry.stale.not_on_request) return Use::kYes;
  if (entry.stale.while_revalidating && staleness <= *entry.stale.while_revalidating && !wanted.max_age &&
      !wanted.min_fresh)
    return Use::kWhileRevalidating;
  return Use::kNo;
}

// The decision that is certain without a fetch: the stored response where it may be sent, a range that is
// fetched past the cache, or a refusal by `only-if-cached`. Nothing when a fetch is needed.
std::optional<Decision> SharedCache::find_stored(Context& context, CacheVisit& visit,
                                                 const Store::Found& found) const {
  visit.stale = nullptr;
  if (found.variants != nullptr) {
    cache::EntryPointer entry = cache::select(*found.variants, context.request.fields, context.arena);
    if (entry == nullptr) {
      visit.forwarded = "vary-miss";
    } else if (!is_near(context, *entry)) {
      // The body up to the range has not been received yet, so the upstream is asked for the range alone.
      visit.forwarded = "partial";
      context.cache_outcome = "miss";
      if (!context.explains()) counters_.misses.add(context.worker);
      return Decision::proceed();
    } else {
      const cache::Time moment = cache::now();
      const Use use = may_use(*entry, visit, moment);
      visit.forwarded = visit.wanted.no_cache ? "request" : "stale";
      visit.stale = entry;
      if (use == Use::kWhileRevalidating && !context.explains()) refresh(context, visit);
      if (use != Use::kNo) {
        const bool fresh = use == Use::kYes && entry->staleness(moment).count() < 0;
        return serve(context, visit, std::move(entry), {.collapsed = visit.collapsed},
                     fresh ? "hit" : "stale", moment);
      }
    }
  } else {
    visit.forwarded = "uri-miss";
  }
  if (!visit.wanted.only_if_cached) return std::nullopt;
  context.cache_outcome = "miss";
  return Decision::refuse(kReasons.only_if_cached);
}

SharedCache::Step SharedCache::step(Context& context, CacheVisit& visit) const {
  for (;;) {
    const Store::Found found = store_.find(visit.key);
    if (auto certain = find_stored(context, visit, found)) return {std::move(*certain)};
    Step next = fetch(context, visit, found);
    if (next.next != Next::kLooksAgain) return next;
  }
}

// The decision for a request that is only explained: no fetch is begun, and a request that would be fetched
// proceeds.
Decision SharedCache::foresee(Context& context, CacheVisit& visit) const {
  auto certain = find_stored(context, visit, store_.find(visit.key));
  return certain ? std::move(*certain) : Decision::proceed();
}

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
        cache::selecting_values(context.request.fields, found.variants->back()->vary.names, context.arena);
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
  context.cache_outcome = visit.stale != nullptr ? "revalidated" : "miss";
  counters_.misses.add(context.worker);
  if (asks_for_less) {
    // The request is forwarded as it is, and its response is not stored.
    store_.abandoned(visit.key, std::exchange(visit.fetch, nullptr));
    return {Decision::proceed()};
  }
  context.awaited = !visit.goes_alone;
  ask_upstream(context, visit);
  return {Decision::proceed()};
}

// Changes the request so that the upstream sends the whole response, or confirms the stale one.
void SharedCache::ask_upstream(Context& context, CacheVisit& visit) const {
  http::Fields& fields = context.request.fields;
  // The copy is on the heap, so that only requests that are fetched pay for it.
  visit.request = std::make_unique<http::Fields>(fields);
  for (const FieldId id : kConditions) fields.remove(id);
  visit.asked = cache::now();
  if (visit.stale == nullptr || visit.stale->body->state() != cache::Body::State::kComplete ||
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
      cache::selecting_values(context.request.fields, visit.stale->vary.names, context.arena);
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
  if (came_too_late(context, visit)) {
    // The next response for this key would not be stored either.
    visit.goes_alone = true;
  } else {
    if (visit.body == nullptr || !visit.body->reader().needs_disk()) co_return true;
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
      context.note = "cache_wait_over";
      break;
    case Fetch::Outcome::kNotShared: visit.goes_alone = true; break;
    case Fetch::Outcome::kFailed: out = {share_failure(context, visit)}; break;
    case Fetch::Outcome::kAbandoned: break;
    case Fetch::Outcome::kStored: {
      // The entry is used even when it has been purged or evicted since, because this request came before
      // that.
      const cache::EntryPointer entry = joined->entry();
      const cache::Variants only{entry};
      const bool fits = cache::select(only, context.request.fields, context.arena) != nullptr;
      const cache::Time moment = cache::now();
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
  const cache::Time moment = cache::now();
  if (visit.stale != nullptr && may_serve_on_error(*visit.stale, moment))
    return serve(context, visit, visit.stale, {.forwarded = visit.forwarded, .collapsed = true}, "stale",
                 moment);
  context.cache_outcome = "collapsed";
  return Decision::refuse_with(visit.joined->status(), visit.joined->why());
}

Decision SharedCache::serve(Context& context, CacheVisit& visit, cache::EntryPointer entry, Served served,
                            std::string_view outcome, cache::Time moment) const {
  visit.answered = true;
  visit.stale = std::move(entry);  // keeps the entry as long as the exchange lives
  if (!context.explains()) visit.stale->note_use();
  served.detail = visit.detail;
  const bool validated = served.stored;
  const Origin origin = validated ? Origin::kUpstreamNow : Origin::kStore;
  visit.body = &write_stored_answer(context, *visit.stale, origin, moment);
  if (settings_.status_field) write_cache_status(context, served, visit.stale.get(), moment);
  context.cache_outcome = outcome;
  if (context.explains()) return Decision::serve(kReasons.answered_from_cache);
  if (outcome == "hit") counters_.hits.add(context.worker);
  if (outcome == "stale") counters_.stale.add(context.worker);
  if (outcome == "collapsed") counters_.collapsed.add(context.worker);
  return Decision::serve(kReasons.answered_from_cache);
}

Notes SharedCache::explain(Context& context, const Decision& decision) const {
  const CacheVisit* visit = context.kept<CacheVisit>(this);
  if (visit == nullptr) return {};
  if (visit->is_unsafe) return {"would remove the stored responses of `" + std::string(visit->key.uri) + "`"};
  if (context.cache_outcome == "bypass") return {"would bypass the cache"};
  std::string key(visit->key.text);
  std::replace(key.begin(), key.end(), '\n', ' ');
  if (decision.kind == Decision::Kind::kServe)
    return {std::string(context.cache_outcome) + ": `" + key + "` is in the cache"};
  if (context.purpose == Purpose::kExplain)
    return {"would go to the upstream, because the cache has no fresh response: `" + key + "`"};
  return {"would be answered from the cache if the cache has a response: `" + key + "`"};
}

Kind kind() {
  return with_insight<CacheSettings>(make_kind<CacheSettings, SharedCache>("cache", cache_type())
                                         .with_reasons(kReasons)
                                         .with_metrics(CacheCounters::declare),
                                     [](const CacheSettings& settings, const config::PolicyUse& use) {
                                       // Checks do not warn when a condition states which requests are
                                       // answered.
                                       Insight out{.answers_from_store = settings.when.empty()};
                                       out.add_reads(Template(settings.key).caller_reads(), use.location);
                                       out.add_reads(Condition(settings.when).caller_reads(), use.location);
                                       return out;
                                     });
}

}  // namespace portcullis::policy::cache_policy

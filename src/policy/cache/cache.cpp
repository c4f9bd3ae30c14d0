#include "policy/cache/cache.h"

#include <algorithm>

#include "base/text.h"
#include "http/method.h"
#include "http/query.h"
#include "policy/cache/figures.h"
#include "policy/cache/purge.h"
#include "policy/cache/reasons.h"
#include "policy/cache/shared_cache.h"
#include "policy/cache/shared_store.h"
#include "policy/services.h"

namespace portcullis::policy::cache {

using engine::Fetch;
using engine::Store;
using http::FieldId;

namespace {

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
      arena.concat(context.uri.scheme, "://", context.uri.authority, context.uri.path, mark, query);
  // The route is part of the key, because two routes may answer for the same URI, for example depending on a
  // header.
  const std::string_view text =
      arena.concat(context.route.name, "\n", key_.empty() ? uri : key_.expand(context));
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
  if (context.route.name.empty()) return Decision::proceed();
  CacheVisit& visit = context.keep_new<CacheVisit>(this);
  const bool takes = takes_part(context, visit);
  if (takes || visit.is_unsafe) make_key(context, visit);
  if (!takes) {
    context.remarks.cache_outcome = "bypass";
    if (!context.explains()) counters_.bypassed.add(context.worker);
    return Decision::proceed();
  }
  if (context.explains()) return foresee(context, visit);
  Step first = step(context, visit);
  const bool is_there = visit.body == nullptr ||
                        (!visit.came_too_late(context.request.method) && visit.body->reader().can_be_sent());
  if (first.next == Next::kDecided && is_there) return std::move(first.decision);
  return Decision::suspend(follow(context, visit, std::move(first)));
}

// Decides whether a stored response may be sent (RFC 9111 sections 4.2 and 5.2.1).
SharedCache::Use SharedCache::may_use(const engine::Entry& entry, const CacheVisit& visit,
                                      engine::Time moment) const {
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
    engine::EntryPointer entry = engine::select(*found.variants, context.request.fields);
    if (entry == nullptr) {
      visit.forwarded = "vary-miss";
    } else if (!is_near(context, *entry)) {
      // The body up to the range has not been received yet, so the upstream is asked for the range alone.
      visit.forwarded = "partial";
      context.remarks.cache_outcome = "miss";
      if (!context.explains()) counters_.misses.add(context.worker);
      return Decision::proceed();
    } else {
      const engine::Time moment = engine::now();
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
  context.remarks.cache_outcome = "miss";
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

Notes SharedCache::explain(Context& context, const Decision& decision) const {
  const CacheVisit* visit = context.kept<CacheVisit>(this);
  if (visit == nullptr) return {};
  if (visit->is_unsafe) return {"would remove the stored responses of `" + std::string(visit->key.uri) + "`"};
  if (context.remarks.cache_outcome == "bypass") return {"would bypass the cache"};
  std::string key(visit->key.text);
  std::replace(key.begin(), key.end(), '\n', ' ');
  if (decision.kind == Decision::Kind::kAnswer)
    return {std::string(context.remarks.cache_outcome) + ": `" + key + "` is in the cache"};
  if (context.purpose == Purpose::kExplain)
    return {"would go to the upstream, because the cache has no fresh response: `" + key + "`"};
  return {"would be answered from the cache if the cache has a response: `" + key + "`"};
}

Kind kind() {
  return with_insight<CacheSettings>(make_kind<CacheSettings, SharedCache>("cache", cache_type())
                                         .with_reasons(kReasons)
                                         .with_traits({.stores_responses = true})
                                         .with_metrics(CacheCounters::declare)
                                         .with_figures(figures())
                                         .with_action(purge_action())
                                         .with_engine(SharedStore::start),
                                     [](const CacheSettings& settings, const config::PolicyUse& use) {
                                       // Checks do not warn when a condition states which requests are
                                       // answered.
                                       Insight out{.answers_from_store = settings.when.empty()};
                                       out.add_reads(Template(settings.key).caller_reads(), use.location);
                                       out.add_reads(Condition(settings.when).caller_reads(), use.location);
                                       return out;
                                     });
}

}  // namespace portcullis::policy::cache

// Handles the response to a request that the cache has sent to the upstream.

#include <algorithm>

#include "base/text.h"
#include "cache/storable.h"
#include "http/date.h"
#include "http/uri.h"
#include "policy/cache/shared_cache.h"
#include "policy/cache/storing.h"

namespace portcullis::policy::cache {

using engine::Time;
using http::FieldId;

namespace {

// How long the store remembers that the response for a key must not be shared between requests.
constexpr std::chrono::seconds kRememberUnshared{60};
constexpr std::chrono::seconds kRememberFailure{1};

bool is_server_failure(uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

// True when the ETag of a 304 is not the ETag of the stored response (RFC 9110 section 8.8.1).
bool is_of_another(const http::Fields& validation, const engine::Entry& entry) {
  const http::Validators told = http::validators_of(validation);
  const std::string_view mine = entry.head.validators().etag;
  return !told.etag.empty() && !mine.empty() && !http::same_weakly(told.etag, mine);
}

// The URI in a Location or Content-Location field, if it has the origin of the request; a path such as
// "/path" has.
std::optional<std::string> own_uri(const Context& context, std::string_view location) {
  const std::string origin = std::string(context.uri.scheme) + "://" + std::string(context.uri.authority);
  const bool relative = location.starts_with('/') && !location.starts_with("//");
  auto uri = http::normal_uri(relative ? origin + std::string(location) : std::string(location));
  const bool own =
      uri && uri->starts_with(origin) && uri->size() > origin.size() && (*uri)[origin.size()] == '/';
  return own ? uri : std::nullopt;
}

void add_tags(std::vector<uint64_t>& out, std::string_view text, const engine::Store& store) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" ,\t"), text.size());
    if (end > 0) out.push_back(store.hash_of_tag(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

Decision SharedCache::on_response(Context& context) const {
  CacheVisit* visit = context.kept<CacheVisit>(this);
  if (visit == nullptr || visit->answered) return Decision::proceed();
  if (visit->is_unsafe && context.from_target) invalidate(context, *visit);
  settle(context, *visit);
  if (!visit->answered && settings_.status_field)
    write_cache_status(context, {.forwarded = visit->forwarded, .detail = visit->detail}, nullptr, {});
  return Decision::proceed();
}

void SharedCache::on_end(Context& context) const {
  CacheVisit* visit = context.kept<CacheVisit>(this);
  // The client left or a policy refused the request: the requests that wait for this fetch look again.
  if (visit != nullptr && visit->fetch) store_.abandoned(visit->key, std::exchange(visit->fetch, nullptr));
}

void SharedCache::settle(Context& context, CacheVisit& visit) const {
  if (!visit.fetch) return;
  restore(context, visit);
  const Time moment = engine::now();
  const bool failed =
      context.from_target ? is_server_failure(context.response.status) : context.failure != nullptr;
  if (failed && visit.stale != nullptr && may_serve_on_error(*visit.stale, moment)) {
    const uint16_t status = context.response.status;
    store_.failed(visit.key, std::exchange(visit.fetch, nullptr), status, kEnds.upstream_failed);
    context.remarks.note = "cache_stale_on_error";
    serve(context, visit, visit.stale, {.forwarded = visit.forwarded, .forwarded_status = status}, "stale",
          moment);
    return;
  }
  if (!context.from_target) return settle_failure(context, visit);
  if (context.response.status == 304 && visit.validates) return settle_validated(context, visit);
  if (keep(context, visit)) return;
  keep_from_sharing(context, visit);
}

// Restores the request fields that the client sent. They choose the variant and the form of the answer,
// whatever ask_upstream() and the policies behind the cache have changed for the upstream.
void SharedCache::restore(Context& context, const CacheVisit& visit) {
  if (visit.request) context.request.fields = *visit.request;
}

bool SharedCache::may_serve_on_error(const engine::Entry& entry, Time moment) const {
  if (entry.stale.never || entry.always_validate || !entry.stale.if_error) return false;
  return entry.staleness(moment) <= *entry.stale.if_error;
}

// Ends the fetch when no target has answered, or when a policy behind the cache has answered.
void SharedCache::settle_failure(Context& context, CacheVisit& visit) const {
  if (context.failure == nullptr) {
    store_.abandoned(visit.key, std::exchange(visit.fetch, nullptr));
  } else {
    store_.failed(visit.key, std::exchange(visit.fetch, nullptr), context.response.status, *context.failure);
  }
}

// Handles a 304 to a validation (RFC 9111 section 4.3.4).
void SharedCache::settle_validated(Context& context, CacheVisit& visit) const {
  http::ResponseHead validation = context.response;
  const engine::EntryPointer old = visit.stale;
  const bool other = is_of_another(validation.fields, *old);
  old->head.write(context.response);
  http::Fields fields = context.response.fields;
  if (!other) engine::freshen(fields, validation.fields);
  validation.status = old->head.status();
  validation.reason = context.response.reason;
  if (const http::Field* date = validation.fields.find(FieldId::kDate); date == nullptr)
    fields.set("date",
               http::write_date(std::chrono::floor<std::chrono::seconds>(engine::now()), context.arena));
  // The Age of the 304 counts for the age of the entry and is not stored.
  if (const http::Field* age = validation.fields.find(FieldId::kAge))
    fields.add("age", age->value, FieldId::kAge);
  const auto entry = make_entry(context, visit, validation, fields);
  entry->body = old->body;
  counters_.revalidated.add(context.worker);
  if (other) {
    // The upstream has another version than the store, so the next request fetches the whole response.
    store_.invalidate(visit.key.uri);
    store_.abandoned(visit.key, std::exchange(visit.fetch, nullptr));
  } else {
    store_.stored(visit.key, std::exchange(visit.fetch, nullptr), entry);
  }
  serve(context, visit, entry,
        {.forwarded = "stale", .forwarded_status = 304, .stored = !other, .collapsed = visit.collapsed},
        "revalidated", engine::now());
}

// True when the response is stored: its body goes to the store, and from there to the client.
bool SharedCache::keep(Context& context, CacheVisit& visit) const {
  http::ResponseHead& response = context.response;
  if (!context.response_body.may_be_stored()) return false;
  bool targeted = false;
  const http::CacheControl told = read_control(response.fields, targeted);
  const engine::Asked asked{context.caller.authenticated || context.caller.consumer != nullptr ||
                                context.request.fields.find(FieldId::kAuthorization) != nullptr,
                            keyed_by_caller_};
  if (!engine::may_store(response, told, asked, told_lifetime(response.status).has_value())) return false;
  http::Fields fields;
  const Time now = engine::now();
  engine::write_stored_fields(
      response, told, http::write_date(std::chrono::floor<std::chrono::seconds>(now), context.arena), fields);
  if (const http::Field* age = response.fields.find(FieldId::kAge))
    fields.add("age", age->value, FieldId::kAge);
  const auto entry = make_entry(context, visit, response, fields);
  const bool validatable = !entry->head.validators().empty();
  const bool reusable = entry->lifetime.load(std::memory_order_relaxed) > 0 && !entry->always_validate;
  // A response that is never fresh and cannot be validated cannot be used for another request.
  if (!reusable && !validatable && !entry->stale.while_revalidating && !entry->stale.if_error) return false;
  std::optional<uint64_t> length;
  if (response.body.kind == http::BodyKind::kNone) length = 0;
  if (response.body.has_length()) length = response.body.length;
  auto filling = store_.fill(entry, length, settings_.object_size);
  if (!filling) {
    visit.detail = "too_large";
    return false;
  }
  if (!reusable) {
    // Other requests must not wait for a response that they could not use.
    store_.not_shared(visit.key, visit.fetch, std::chrono::milliseconds(0));
    visit.fetch = store_.enter_alone(visit.key);
  }
  store_.stored(visit.key, std::exchange(visit.fetch, nullptr), entry);
  visit.answered = true;
  visit.stale = entry;
  Task<void> storing = store_body(context.response_body.release(), std::move(filling), context.loop);
  if (visit.in_background) {
    context.errands->run(std::move(storing));
    return true;
  }
  const uint16_t status = response.status;
  visit.body = &write_stored_answer(context, *entry, Origin::kUpstreamNow, now);
  context.errands->run(std::move(storing));  // now that the body has a reader
  if (settings_.status_field)
    write_cache_status(context,
                       {.forwarded = visit.forwarded,
                        .forwarded_status = status,
                        .stored = true,
                        .collapsed = visit.collapsed,
                        .detail = visit.detail},
                       entry.get(), now);
  return true;
}

// Ends the fetch with a response that no other request may share.
void SharedCache::keep_from_sharing(Context& context, CacheVisit& visit) const {
  const bool failure = is_server_failure(context.response.status);
  store_.not_shared(visit.key, std::exchange(visit.fetch, nullptr),
                    failure ? kRememberFailure : kRememberUnshared);
  // The stored response is not the one that the upstream has now.
  if (visit.stale != nullptr && context.response.status < 500) store_.invalidate(visit.key.uri);
}

// Invalidates the URI of an unsafe request, and the URIs of the same origin in Location and Content-Location
// (RFC 9111 section 4.4).
void SharedCache::invalidate(Context& context, const CacheVisit& visit) const {
  if (context.response.status < 200 || context.response.status >= 400) return;
  store_.invalidate(visit.key.uri);
  for (const std::string_view name : {"location", "content-location"}) {
    const http::Field* field = context.response.fields.find(name);
    if (field == nullptr) continue;
    if (const auto uri = own_uri(context, field->value)) store_.invalidate(*uri);
  }
}

http::CacheControl SharedCache::read_control(const http::Fields& response, bool& targeted) const {
  const auto told = http::read_targeted_cache_control(response, settings_.targeted);
  targeted = told.has_value();
  return told ? *told : http::read_cache_control(response);
}

// The lifetime that the configuration sets for responses that state none; nothing when there is no such
// setting.
std::optional<std::chrono::milliseconds> SharedCache::told_lifetime(uint16_t status) const {
  for (const StatusLifetime& one : settings_.ttl_by_status) {
    for (const config::StatusRange& range : one.status) {
      if (status >= range.first && status <= range.last) return one.ttl;
    }
  }
  if (settings_.default_ttl.count() >= 0 && engine::is_heuristically_cacheable(status))
    return settings_.default_ttl;
  return std::nullopt;
}

// Makes an entry without its body. `fields` are the fields to store and Age, which is not stored.
std::shared_ptr<engine::Entry> SharedCache::make_entry(Context& context, const CacheVisit& visit,
                                                       const http::ResponseHead& response,
                                                       const http::Fields& fields) const {
  const Time received = engine::now();
  http::ResponseHead judged;
  judged.status = response.status;
  judged.fields = fields;
  bool targeted = false;
  const http::CacheControl told = read_control(fields, targeted);
  const engine::Age age(fields, visit.asked, received);
  judged.fields.remove(FieldId::kAge);
  auto entry = std::make_shared<engine::Entry>(response.status, response.reason, judged.fields);
  entry->told_age = age;
  engine::LifetimeRules rules{.forced = {}, .by_default = told_lifetime(response.status)};
  if (settings_.ttl.count() >= 0 && engine::is_heuristically_cacheable(response.status))
    rules.forced = settings_.ttl;
  entry->lifetime = engine::lifetime_of(judged, told, targeted, rules, received).count();
  entry->always_validate = told.no_cache;
  entry->stale.never = told.must_revalidate || told.proxy_revalidate;
  // RFC 9111 section 5.2.2.10: the client cannot ask for a stale response with s-maxage; only directives of
  // the response can allow one.
  entry->stale.not_on_request = told.s_maxage.has_value();
  const auto or_else = [&](std::optional<engine::seconds> said, std::chrono::milliseconds otherwise) {
    std::optional<std::chrono::milliseconds> out = said;
    if (!out && otherwise.count() > 0 && !told.s_maxage) out = otherwise;
    return out;
  };
  entry->stale.while_revalidating = or_else(told.stale_while_revalidate, settings_.stale_while_revalidate);
  entry->stale.if_error = or_else(told.stale_if_error, settings_.stale_if_error);
  entry->vary = engine::read_vary(judged.fields);
  entry->selecting = engine::selecting_values(context.request.fields, entry->vary.names, context.arena);
  for (const http::Field& field : judged.fields) {
    const bool has_tags =
        std::any_of(settings_.tag_fields.begin(), settings_.tag_fields.end(),
                    [&](const std::string& name) { return equals_ignoring_case(field.name, name); });
    if (has_tags) add_tags(entry->tags, field.value, store_);
  }
  return entry;
}

}  // namespace portcullis::policy::cache

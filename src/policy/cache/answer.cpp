#include "policy/cache/answer.h"

#include <algorithm>
#include <cstdlib>

#include "http/conditions.h"
#include "http/range.h"

namespace portcullis::policy::cache {

using http::FieldId;

namespace {

constexpr uint64_t kNear = 1 << 20;

// RFC 9110 section 15.4.5: a 304 has no content, so the fields that describe the content are removed.
void make_not_modified(http::ResponseHead& response) {
  response.status = 304;
  response.reason = http::reason_phrase(304);
  for (const std::string_view name : {"content-type", "content-encoding", "content-language"})
    response.fields.remove(name);
}

// The range that the request asks for and may get; nothing when the whole body is to be sent.
std::optional<http::ByteRange> wanted_range(const Context& context, const engine::Entry& entry) {
  const http::Field* range = context.request.fields.find(FieldId::kRange);
  if (range == nullptr || context.request.method != "GET" || entry.head.status() != 200 ||
      !http::range_applies(context.request.fields, entry.head.validators()))
    return std::nullopt;
  return http::parse_range(range->value);
}

bool is_success(uint16_t status) {
  return status >= 200 && status < 300;
}

// Makes a range of the stored body the body of the response, and describes it in the head.
StoredBody& put_body(Context& context, const engine::Entry& entry, uint64_t begin,
                     std::optional<uint64_t> end) {
  auto made = std::make_unique<StoredBody>(entry.body, context.loop, context.client.send_timeout, begin, end);
  StoredBody& body = *made;
  context.response_body.replace(std::move(made));
  if (http::has_no_content(context.response.status)) return body;
  const auto length = body.reader().length();
  if (length) {
    set_length(context, *length);
  } else {
    context.response.body = {http::BodyKind::kStream, http::BodyFraming::kUnknown};
  }
  return body;
}

}  // namespace

bool is_near(const Context& context, const engine::Entry& entry) {
  if (entry.body->state() != engine::Body::State::kGrowing) return true;
  const auto range = wanted_range(context, entry);
  if (!range) return true;
  const auto length = entry.body->length();
  // While the length is unknown, neither the end of the range nor the Content-Range can be computed.
  if (!length) return false;
  const auto part = range->of(*length);
  return !part || part->begin <= entry.body->size() + kNear;
}

StoredBody& write_stored_answer(Context& context, const engine::Entry& entry, Origin origin,
                                engine::Time moment) {
  http::ResponseHead& response = context.response;
  response = {};
  entry.head.write(response);
  const auto age = std::chrono::floor<std::chrono::seconds>(entry.age(moment));
  if (origin == Origin::kStore || age.count() > 0) {
    const auto told = static_cast<uint64_t>(std::max<int64_t>(age.count(), 0));
    response.fields.add("age", context.arena.decimal(told), FieldId::kAge);
  }
  if (is_success(entry.head.status()) &&
      http::has_it_already(context.request.fields, entry.head.validators())) {
    make_not_modified(response);
    return put_body(context, entry, 0, 0);
  }
  const auto length = entry.body->length();
  if (const auto range = wanted_range(context, entry); range && length) {
    const std::string_view whole = context.arena.decimal(*length);
    if (const auto part = range->of(*length)) {
      response.status = 206;
      response.fields.set("content-range",
                          context.arena.concat("bytes ", context.arena.decimal(part->begin), "-",
                                               context.arena.decimal(part->end - 1), "/", whole));
      response.reason = http::reason_phrase(response.status);
      return put_body(context, entry, part->begin, part->end);
    }
    response.status = 416;
    response.fields.set("content-range", context.arena.concat("bytes */", whole));
    response.reason = http::reason_phrase(response.status);
    return put_body(context, entry, 0, 0);
  }
  return put_body(context, entry, 0, std::nullopt);
}

void write_cache_status(Context& context, const Served& served, const engine::Entry* entry,
                        engine::Time moment) {
  Arena& arena = context.arena;
  const bool hit = served.forwarded.empty();
  std::string_view status, ttl;
  if (!hit && served.forwarded_status != 0)
    status = arena.concat("; fwd-status=", arena.decimal(served.forwarded_status));
  if (entry != nullptr && (hit || served.stored)) {
    const auto left = -std::chrono::floor<std::chrono::seconds>(entry->staleness(moment)).count();
    ttl = arena.concat("; ttl=", left < 0 ? "-" : "", arena.decimal(static_cast<uint64_t>(std::abs(left))));
  }
  const std::string_view text = arena.concat(
      "portcullis; ", hit ? "hit" : "fwd=", served.forwarded, status, ttl, served.stored ? "; stored" : "",
      served.collapsed ? "; collapsed" : "", served.detail.empty() ? "" : "; detail=", served.detail);
  // The entries of caches nearer to the target come first, on lines of their own (RFC 9211 section 2).
  context.response.fields.add("cache-status", text);
}

}  // namespace portcullis::policy::cache

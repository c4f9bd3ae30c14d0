#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cache/freshness.h"
#include "cache/storable.h"
#include "cache/vary.h"
#include "http/conditions.h"
#include "http/date.h"
#include "http/range.h"
#include "http/uri.h"

using namespace portcullis;

// The fields that a cache reads, one per line of the input: the number of a name, then a value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr std::string_view kNames[] = {
      "cache-control", "cdn-cache-control", "date",           "expires",           "age",      "vary",
      "etag",          "last-modified",     "if-none-match",  "if-modified-since", "if-range", "range",
      "connection",    "set-cookie",        "accept-encoding"};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  http::ResponseHead head;
  head.status = 200;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty())
      head.fields.add(kNames[static_cast<uint8_t>(line[0]) % std::size(kNames)], line.substr(1));
  }
  Arena arena;
  const cache::Time moment{std::chrono::milliseconds(1'000'000'000'000)};
  const auto targeted = http::read_targeted_cache_control(head.fields, {"cdn-cache-control"});
  const http::CacheControl told = targeted ? *targeted : http::read_cache_control(head.fields);
  const auto lifetime = cache::lifetime_of(head, told, targeted.has_value(), {}, moment);
  if (lifetime.count() < 0) std::abort();
  if (cache::Age(head.fields, moment, moment).at(moment).count() < 0) std::abort();
  http::Fields kept;
  cache::write_stored_fields(head, told, "now", kept);
  if (kept.find(http::FieldId::kAge) != nullptr || kept.find(http::FieldId::kConnection) != nullptr)
    std::abort();
  cache::freshen(kept, head.fields);
  (void)cache::may_store(head, told, {}, false);
  const cache::Vary vary = cache::read_vary(head.fields);
  (void)cache::selecting_values(head.fields, vary.names, arena);
  const http::Validators validators = http::validators_of(head.fields);
  (void)http::has_it_already(head.fields, validators);
  (void)http::range_applies(head.fields, validators);
  for (const http::Field& field : head.fields) {
    if (const auto range = http::parse_range(field.value)) {
      const auto part = range->of(1000);
      if (part && (part->begin >= part->end || part->end > 1000)) std::abort();
    }
    if (const auto date = http::parse_date(field.value)) {
      if (http::parse_date(http::write_date(*date, arena)) != date) std::abort();
    }
    if (const auto uri = http::normal_uri(field.value)) {
      if (http::normal_uri(*uri) != uri) std::abort();
    }
  }
  return 0;
}

#include "proxy/recording.h"

#include <utility>

#include "base/text.h"
#include "http/query.h"
#include "telemetry/log_format.h"

namespace portcullis::proxy {

using policy::RequestReads;
using Part = RequestReads::Part;

Recording::Recording(Bounds bounds, const RequestReads& reads, std::vector<std::string> redact)
    : bounds_(bounds), redact_(std::move(redact)) {
  for (const RequestReads::Read& read : reads.all()) add(read);
  // A field that contains a credential for one policy is not recorded in clear for another one.
  std::erase_if(headers_, [this](const std::string& name) {
    const bool is_withheld = std::any_of(withheld_.begin(), withheld_.end(), [&](const Withheld& one) {
      return one.part == Part::kHeader && one.name == name;
    });
    if (is_withheld) withhold({Part::kHeader, name, {}});
    return is_withheld;
  });
}

void Recording::add(const RequestReads::Read& read) {
  switch (read.part) {
    case Part::kHeader:
      names_.add(read.name);
      if (read.is_credential() || telemetry::is_redacted(read.name, redact_)) {
        withhold({read.part, read.name, read.scheme});
      } else if (!has_header(read.name)) {
        headers_.push_back(read.name);
      }
      break;
    case Part::kCookie:
      reads_cookies_ = true;
      names_.add("cookie");
      withhold({read.part, read.name, {}});
      break;
    case Part::kQuery:
      if (!read.is_credential()) break;  // the query is recorded in any case
      withhold({read.part, read.name, {}});
      parameters_.push_back(read.name);
      break;
    case Part::kCertificate:
      if (read.is_credential()) withhold({read.part, {}, {}});
      break;
    case Part::kClaim:
      if (std::find(claims_.begin(), claims_.end(), read.name) == claims_.end()) claims_.push_back(read.name);
      break;
  }
}

void Recording::withhold(Withheld part) {
  if (index_of(part) == withheld_.size()) withheld_.push_back(std::move(part));
}

size_t Recording::index_of(const Withheld& part) const {
  return static_cast<size_t>(std::find(withheld_.begin(), withheld_.end(), part) - withheld_.begin());
}

bool Recording::is_like(const Recording& other) const {
  return bounds_ == other.bounds_ && redact_ == other.redact_ && headers_ == other.headers_ &&
         withheld_ == other.withheld_ && claims_ == other.claims_ && parameters_ == other.parameters_;
}

bool Recording::has_header(std::string_view name) const {
  return std::find(headers_.begin(), headers_.end(), name) != headers_.end();
}

bool Recording::has_claim(std::string_view name) const {
  return std::any_of(claims_.begin(), claims_.end(), [name](const std::string& one) {
    return name.starts_with(one) && (name.size() == one.size() || name[one.size()] == '.');
  });
}

bool Recording::withholds_parameter(std::string_view encoded) const {
  const auto is_withheld = [this](std::string_view name) {
    return telemetry::is_redacted(name, redact_) ||
           std::find(parameters_.begin(), parameters_.end(), name) != parameters_.end();
  };
  if (encoded.find_first_of("%+") == std::string_view::npos) return is_withheld(encoded);
  char plain[256];
  if (encoded.size() > sizeof plain) return true;  // a longer name would need memory from the heap
  size_t size = 0;
  while (!encoded.empty()) plain[size++] = http::next_query_character(encoded);
  return is_withheld({plain, size});
}

CapturedHead Recording::capture(const http::RequestHead& head, Arena& arena) const {
  CapturedHead out{.method = head.method, .query = head.query};
  if (names_.empty()) return out;
  for (const http::Field& field : head.fields) {
    if (names_.contains(field.name)) note_value(field, head.fields, arena, out);
  }
  return out;
}

void Recording::note_value(const http::Field& field, const http::Fields& fields, Arena& arena,
                           CapturedHead& out) const {
  const bool is_cookie = reads_cookies_ && equals_ignoring_case(field.name, "cookie");
  for (size_t i = 0; i < withheld_.size(); ++i) {
    const Withheld& one = withheld_[i];
    if (one.part == Part::kCookie && is_cookie && http::find_cookie(fields, one.name))
      out.withheld |= bit_of(i);
    if (one.part == Part::kHeader && equals_ignoring_case(one.name, field.name) &&
        (one.scheme.empty() || http::after_scheme(field.value, one.scheme)))
      out.withheld |= bit_of(i);
  }
  for (size_t i = 0; i < headers_.size(); ++i) {
    if (!equals_ignoring_case(headers_[i], field.name)) continue;
    if (out.values.empty()) out.values = arena.make_array<CapturedHead::Value>(fields.size()).first(0);
    out.values = {out.values.data(), out.values.size() + 1};
    out.values.back() = {static_cast<uint16_t>(i), field.value};
  }
}

}  // namespace portcullis::proxy

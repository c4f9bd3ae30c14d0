#include "proxy/recorded_head.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

#include "base/json_text.h"
#include "base/text.h"
#include "http/query.h"
#include "proxy/snapshot.h"

namespace portcullis::proxy {

using policy::RequestReads;
using Part = RequestReads::Part;

namespace {

// Takes parts of a recorded head one after the other.
class HeadReader {
 public:
  explicit HeadReader(const char* next) : next_(next) {}
  std::string_view text(size_t size) {
    const std::string_view out(next_, size);
    next_ += size;
    return out;
  }
  template <typename T>
  T value() {
    T out;
    std::memcpy(&out, text(sizeof out).data(), sizeof out);
    return out;
  }

 private:
  const char* next_;
};

RecordedHead read_head(const char* from, const Recording& recording, uint32_t& size) {
  HeadReader reader(from);
  const auto layout = reader.value<HeadLayout>();
  size = layout.size;
  RecordedHead out{.recording = &recording,
                   .time = Clock::time_point(std::chrono::nanoseconds(layout.time)),
                   .withheld = layout.withheld,
                   .judged = layout.judged,
                   .flags = layout.flags};
  std::string_view* const texts[] = {&out.method, &out.host,     &out.path,     &out.query,
                                     &out.client, &out.listener, &out.consumer, &out.credential};
  for (size_t i = 0; i < HeadLayout::kTexts; ++i) *texts[i] = reader.text(layout.sizes[i]);
  for (size_t i = 0; i < layout.fields; ++i) {
    const auto header = reader.value<uint16_t>();
    const auto length = reader.value<uint16_t>();
    out.fields.emplace_back(recording.headers()[header], reader.text(length));
  }
  for (size_t i = 0; i < layout.claims; ++i) {
    const auto sizes = reader.value<HeadLayout::ClaimSizes>();
    const std::string_view name = reader.text(sizes.name);
    out.claims.push_back({name, reader.text(sizes.text), static_cast<identity::Claims::Kind>(sizes.kind),
                          sizes.in_array != 0});
  }
  return out;
}

// What is known of one part of a recorded head.
enum class Knowledge : uint8_t { kKnown, kWithheld, kNotRecorded };

Knowledge knowledge_of_header(const RecordedHead& head, const RequestReads::Read& read) {
  if (head.recording->has_header(read.name)) return Knowledge::kKnown;
  const std::vector<Recording::Withheld>& withheld = head.recording->withheld();
  bool is_watched = false;
  for (size_t i = 0; i < withheld.size(); ++i) {
    if (withheld[i].part != Part::kHeader || withheld[i].name != read.name) continue;
    const bool is_same = equals_ignoring_case(withheld[i].scheme, read.scheme);
    is_watched |= is_same || withheld[i].scheme.empty();
    // A credential of another scheme is none for this reader.
    if ((head.withheld & Recording::bit_of(i)) != 0 && (is_same || !read.is_credential()))
      return Knowledge::kWithheld;
  }
  return is_watched ? Knowledge::kKnown : Knowledge::kNotRecorded;
}

Knowledge knowledge_of(const RecordedHead& head, const RequestReads::Read& read) {
  const Recording& recording = *head.recording;
  switch (read.part) {
    case Part::kHeader: return knowledge_of_header(head, read);
    case Part::kCookie: {
      const size_t index = recording.index_of({read.part, read.name, {}});
      if (index == recording.withheld().size()) return Knowledge::kNotRecorded;
      return (head.withheld & Recording::bit_of(index)) != 0 ? Knowledge::kWithheld : Knowledge::kKnown;
    }
    case Part::kQuery:
      return http::has_query_parameter(head.query, read.name) && recording.withholds_parameter(read.name)
                 ? Knowledge::kWithheld
                 : Knowledge::kKnown;
    case Part::kCertificate:
      return head.is(HeadLayout::kHasCertificate) ? Knowledge::kWithheld : Knowledge::kKnown;
    case Part::kClaim:
      return !head.is(HeadLayout::kHasClaims) || recording.has_claim(read.name) ? Knowledge::kKnown
                                                                                : Knowledge::kNotRecorded;
  }
  return Knowledge::kNotRecorded;
}

// True when a policy has judged the credential that `read` reads.
bool was_judged(const RecordedHead& head, const RequestReads::Read& read) {
  const size_t index = head.recording->index_of({read.part, read.name, read.scheme});
  return index != head.recording->withheld().size() && (head.judged & Recording::bit_of(index)) != 0;
}

// The claims as JSON, from which Claims are made.
std::string claims_text(const std::vector<RecordedHead::Claim>& claims) {
  using nlohmann::json;
  json out = json::object();
  for (const RecordedHead::Claim& one : claims) {
    json value = one.kind == identity::Claims::Kind::kText
                     ? json(std::string(one.text))
                     : json::parse(one.text, nullptr, /*allow_exceptions=*/false);
    json& place = out[std::string(one.name)];
    if (!one.in_array) {
      place = std::move(value);
      continue;
    }
    if (!place.is_array()) place = json::array();
    place.push_back(std::move(value));
  }
  return json_text(out);
}

// Appends the fields that stand for withheld credentials. Of the fields of one name only one is written, with
// the scheme that the client has used.
void add_stand_ins(const RecordedHead& head, std::string& out) {
  const std::vector<Recording::Withheld>& withheld = head.recording->withheld();
  const auto is_present = [&](size_t i) { return (head.withheld & Recording::bit_of(i)) != 0; };
  std::string cookies;
  for (size_t i = 0; i < withheld.size(); ++i) {
    const Recording::Withheld& one = withheld[i];
    if (!is_present(i)) continue;
    if (one.part == Part::kCookie)
      cookies += (cookies.empty() ? "" : "; ") + one.name + "=" + std::string(kWithheldText);
    if (one.part != Part::kHeader || one.name == "cookie") continue;
    bool is_other_better = false;
    for (size_t j = 0; j < withheld.size(); ++j) {
      is_other_better |= j != i && is_present(j) && withheld[j].part == Part::kHeader &&
                         withheld[j].name == one.name &&
                         (withheld[j].scheme.size() > one.scheme.size() ||
                          (withheld[j].scheme.size() == one.scheme.size() && j < i));
    }
    if (is_other_better) continue;
    out +=
        one.name + ": " + one.scheme + (one.scheme.empty() ? "" : " ") + std::string(kWithheldText) + "\r\n";
  }
  if (!cookies.empty()) out += "Cookie: " + cookies + "\r\n";
}

std::string target_of(const RecordedHead& head) {
  return std::string(head.path) + (head.query.empty() ? "" : "?") + std::string(head.query);
}

}  // namespace

std::vector<RecordedHead> read_heads(const std::vector<RecordedHeads>& recorded) {
  std::vector<RecordedHead> out;
  for (const RecordedHeads& one : recorded) {
    for (size_t at = 0; at < one.bytes.size();) {
      uint32_t size = 0;
      out.push_back(read_head(one.bytes.data() + at, *one.recording, size));
      at += size;
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const RecordedHead& a, const RecordedHead& b) { return a.time < b.time; });
  return out;
}

std::string missing_part(const RecordedHead& head, const RequestReads& reads) {
  std::string unjudged;
  bool is_judged = false;
  for (const RequestReads::Read& read : reads.all()) {
    if (read.use == RequestReads::Use::kCopied) continue;
    if (!read.method.empty() && read.method != head.method) continue;
    const Knowledge known = knowledge_of(head, read);
    if (known == Knowledge::kKnown) continue;
    if (known == Knowledge::kNotRecorded || !read.is_credential()) return read.title();
    is_judged |= was_judged(head, read);
    if (unjudged.empty() && !is_judged) unjudged = read.title();
  }
  return is_judged ? "" : unjudged;
}

std::optional<policy::Replay::Identity> identity_of(const RecordedHead& head) {
  if (!head.is(HeadLayout::kAuthenticated)) return std::nullopt;
  policy::Replay::Identity out{std::string(head.consumer), std::string(head.credential), {}};
  if (head.is(HeadLayout::kHasClaims)) out.claims = identity::Claims::parse(claims_text(head.claims));
  return out;
}

RehearsalRequest request_of(const RecordedHead& head, const Snapshot& snapshot) {
  RehearsalRequest out;
  out.text = std::string(head.method) + " " + target_of(head) +
             (head.is(HeadLayout::kHttp10) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  if (!head.host.empty() || !head.is(HeadLayout::kHttp10))
    out.text += "Host: " + std::string(head.host) + "\r\n";
  for (const auto& [name, value] : head.fields)
    out.text += std::string(name) + ": " + std::string(value) + "\r\n";
  add_stand_ins(head, out.text);
  out.text += "\r\n";
  out.peer = head.client;
  out.is_secure = head.is(HeadLayout::kSecure);
  out.asked_for_certificate = head.is(HeadLayout::kAskedForCertificate);
  if (head.is(HeadLayout::kHasCertificate)) {
    static const auto kSomeCertificate = [] {
      auto certificate = std::make_shared<tls::PeerCertificate>();
      certificate->not_after = std::chrono::sys_seconds::max();
      return std::shared_ptr<const tls::PeerCertificate>(std::move(certificate));
    }();
    out.certificate = kSomeCertificate;
  }
  for (size_t i = 0; i < snapshot.listeners.size(); ++i) {
    if (snapshot.listeners[i].address_text == head.listener) out.listener = i;
  }
  out.purpose = policy::Purpose::kExplainOffline;
  return out;
}

std::string describe(const RecordedHead& head) {
  std::string out = std::string(head.method) + " " + target_of(head);
  const auto add = [&out](const std::string& name, std::string_view value) {
    if (!value.empty()) out += "\n" + name + ": " + std::string(value);
  };
  add("host", head.host);
  add("consumer", head.consumer);
  for (const auto& [name, value] : head.fields) add(std::string(name), value);
  return out;
}

}  // namespace portcullis::proxy

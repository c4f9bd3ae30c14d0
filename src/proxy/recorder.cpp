#include "proxy/recorder.h"

#include <cstring>

#include "http/query.h"
#include "proxy/recorded_head.h"

namespace portcullis::proxy {
namespace {

// Writes parts of a head one after the other.
class HeadWriter {
 public:
  explicit HeadWriter(char* next) : next_(next) {}
  void text(std::string_view text) {
    if (text.empty()) return;  // the view may have no address
    std::memcpy(next_, text.data(), text.size());
    next_ += text.size();
  }
  template <typename T>
  void value(const T& value) {
    std::memcpy(next_, &value, sizeof value);
    next_ += sizeof value;
  }

 private:
  char* next_;
};

// The query with the values of redacted parameters replaced, in the exchange's arena if one is.
std::string_view without_secrets(std::string_view query, const Recording& recording, Arena& arena) {
  size_t size = 0;
  bool is_redacted = false;
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view, std::string_view whole) {
    const bool is_secret = recording.withholds_parameter(name);
    is_redacted |= is_secret;
    size += (is_secret ? name.size() + 1 + kWithheldText.size() : whole.size()) + 1;
    return true;
  });
  if (!is_redacted) return query;
  char* const begin = arena.allocate(size, 1);
  HeadWriter out(begin);
  http::for_each_query_parameter(query, [&](std::string_view name, std::string_view, std::string_view whole) {
    if (recording.withholds_parameter(name)) {
      out.text(name);
      out.text("=");
      out.text(kWithheldText);
    } else {
      out.text(whole);
    }
    out.text("&");
    return true;
  });
  return {begin, size - 1};
}

template <typename Visit>
void for_each_recorded_claim(const identity::Claims* claims, const Recording& recording, Visit visit) {
  if (claims == nullptr) return;
  for (const identity::Claims::Claim& one : claims->all()) {
    if (recording.has_claim(one.name)) visit(one);
  }
}

uint8_t flags_of(const ExchangeState& state) {
  const ClientConnection& client = state.client.connection;
  const identity::Caller& caller = state.context.caller;
  uint8_t out = 0;
  if (state.request.origin.scheme == "https") out |= HeadLayout::kSecure;
  if (client.certificate() != nullptr) out |= HeadLayout::kHasCertificate;
  if (client.asked_for_certificate()) out |= HeadLayout::kAskedForCertificate;
  if (caller.authenticated) out |= HeadLayout::kAuthenticated;
  if (caller.claims != nullptr) out |= HeadLayout::kHasClaims;
  if (state.request.head.version == http::Version::kHttp10) out |= HeadLayout::kHttp10;
  if (state.request.head.version == http::Version::kHttp2) out |= HeadLayout::kHttp2;
  return out;
}

}  // namespace

void record_head(const CapturedHead& captured, const ExchangeState& state, HeadRing& ring) {
  const Request& request = state.request;
  const std::shared_ptr<const Recording>& recording = state.snapshot->snapshot->recording;
  if (request.path.empty() || captured.method.empty()) return;  // empty: recording has just begun
  const policy::Context& context = state.context;
  const identity::Caller& caller = context.caller;
  const bool names_consumer = caller.authenticated && caller.consumer != nullptr;
  const std::string_view query = captured.query.empty()
                                     ? captured.query
                                     : without_secrets(captured.query, *recording, state.context.arena);
  const std::string_view texts[HeadLayout::kTexts] = {
      captured.method,
      request.host,
      request.path,
      query,
      request.origin.client.empty() ? state.client.connection.peer_text() : request.origin.client,
      state.settings->address_text,
      names_consumer ? std::string_view(caller.consumer->name) : std::string_view(),
      caller.authenticated ? caller.credential : std::string_view()};
  HeadLayout layout{};
  size_t size = sizeof layout;
  for (size_t i = 0; i < HeadLayout::kTexts; ++i) {
    if (texts[i].size() > HeadRing::kBlock) return;
    layout.sizes[i] = static_cast<uint16_t>(texts[i].size());
    size += texts[i].size();
  }
  for (const CapturedHead::Value& one : captured.values) size += 2 * sizeof(uint16_t) + one.text.size();
  const identity::Claims* const claims = recording->has_claims() ? caller.claims.get() : nullptr;
  for_each_recorded_claim(claims, *recording, [&](const identity::Claims::Claim& one) {
    size += sizeof(HeadLayout::ClaimSizes) + one.name.size() + one.text.size();
    ++layout.claims;
  });
  size = (size + HeadRing::kAlign - 1) / HeadRing::kAlign * HeadRing::kAlign;
  char* const place = ring.add(size, recording);
  if (place == nullptr) return;
  layout.size = static_cast<uint32_t>(size);
  layout.fields = static_cast<uint16_t>(captured.values.size());
  layout.time =
      std::chrono::duration_cast<std::chrono::nanoseconds>(state.record.started.time_since_epoch()).count();
  layout.withheld = captured.withheld;
  if (context.authenticator != nullptr)
    layout.judged = state.snapshot->snapshot->reads->credentials_of(context.authenticator);
  layout.flags = flags_of(state);
  HeadWriter out(place);
  out.value(layout);
  for (const std::string_view text : texts) out.text(text);
  for (const CapturedHead::Value& one : captured.values) {
    out.value(one.header);
    out.value(static_cast<uint16_t>(one.text.size()));
    out.text(one.text);
  }
  for_each_recorded_claim(claims, *recording, [&](const identity::Claims::Claim& one) {
    out.value(HeadLayout::ClaimSizes{static_cast<uint16_t>(one.name.size()),
                                     static_cast<uint16_t>(one.text.size()), static_cast<uint8_t>(one.kind),
                                     static_cast<uint8_t>(one.in_array ? 1 : 0)});
    out.text(one.name);
    out.text(one.text);
  });
}

}  // namespace portcullis::proxy

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/replay.h"
#include "proxy/head_ring.h"
#include "proxy/rehearsal.h"
#include "routing/route_table.h"
#include "runtime/event_loop.h"

namespace portcullis::proxy {

struct Snapshot;

// What stands in a recorded query and in a replayed head for a text that is withheld.
inline constexpr std::string_view kWithheldText = "withheld";

// The fixed beginning of a head in a HeadRing. Behind it stand the texts in the order of `sizes`, then for
// each field its index in Recording::headers() and its size (16 bits each) and its text, then the claims,
// each with a ClaimSizes before its name and its text.
struct HeadLayout {
  enum Text : uint8_t { kMethod, kHost, kPath, kQuery, kClient, kListener, kConsumer, kCredential, kTexts };
  enum Flag : uint8_t {
    kSecure = 1,
    kHasCertificate = 2,
    kAskedForCertificate = 4,
    kAuthenticated = 8,
    kHasClaims = 16,
    kHttp10 = 32,
    kHttp2 = 64,
  };
  struct ClaimSizes {
    uint16_t name;
    uint16_t text;
    uint8_t kind;
    uint8_t in_array;
  };

  uint32_t size;  // of the whole head
  uint16_t fields;
  uint16_t claims;
  int64_t time;       // of the steady clock, in nanoseconds
  uint64_t withheld;  // the withheld parts that the request has
  uint64_t judged;    // the credentials that a policy has judged
  uint16_t sizes[kTexts];
  uint8_t flags;
};

// A head that has been recorded. The views are valid as long as the RecordedHeads that it was read from.
struct RecordedHead {
  struct Claim {
    std::string_view name;
    std::string_view text;
    identity::Claims::Kind kind;
    bool in_array;
  };

  const Recording* recording = nullptr;
  Clock::time_point time{};
  std::string_view method{}, host{}, path{}, query{}, client{};
  std::string_view listener{};                // its address, as in ListenerSettings::address_text
  std::string_view consumer{}, credential{};  // of the caller that has been authenticated
  std::vector<std::pair<std::string_view, std::string_view>> fields{};
  std::vector<Claim> claims{};
  uint64_t withheld = 0;
  uint64_t judged = 0;
  uint8_t flags = 0;

  bool is(HeadLayout::Flag flag) const { return (flags & flag) != 0; }
};

// Reads the heads of all workers, in the order of their time.
std::vector<RecordedHead> read_heads(const std::vector<RecordedHeads>& recorded);

// The first part of `reads` on which the outcome may depend and that was not recorded for this head:
// "request.header.x-beta". Empty when all parts are known.
std::string missing_part(const RecordedHead& head, const policy::RequestReads& reads);
// What the credential of the request led to; nothing when no policy has accepted it.
std::optional<policy::Replay::Identity> identity_of(const RecordedHead& head);
// The request for a rehearsal, with stand-ins for the credentials.
RehearsalRequest request_of(const RecordedHead& head, const Snapshot& snapshot);
// The head as a text for people: "GET /orders/7?x=1", then a line for the host, the consumer and each field.
std::string describe(const RecordedHead& head);

}  // namespace portcullis::proxy

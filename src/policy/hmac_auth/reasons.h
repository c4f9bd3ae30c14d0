#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::hmac_auth {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason signature_missing{"signature_missing", 401, "The request is not signed."};
  EndReason signature_malformed{"signature_malformed", 401,
                                "The fields of the request's signature cannot be read."};
  EndReason signature_unknown_key{"signature_unknown_key", 401,
                                  "No consumer has the key that the request was signed with."};
  EndReason signature_does_not_cover{"signature_does_not_cover", 401,
                                     "The request's signature does not cover all required components."};
  EndReason signature_outside_window{"signature_outside_window", 401,
                                     "The request was signed too long ago, or in the future."};
  EndReason signature_expired{"signature_expired", 401, "The request's signature says that it has expired."};
  EndReason signature_algorithm{
      "signature_algorithm", 401,
      "The request was signed with an algorithm that is not the algorithm of the key."};
  EndReason signature_no_nonce{"signature_no_nonce", 401, "The request's signature has no nonce."};
  EndReason signature_component{
      "signature_component", 401,
      "The signature covers a part that the request does not have, or that the gateway does not know."};
  EndReason signature_wrong{"signature_wrong", 401, "The request's signature is wrong."};
  EndReason signature_replayed{"signature_replayed", 401,
                               "A signed request with the same nonce has been accepted before."};
  EndReason signature_without_digest{"signature_without_digest", 401,
                                     "The request has a body, and its signature covers no digest of it."};
  EndReason digest_wrong{"digest_wrong", 401, "The request's body is not the one that was signed."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::hmac_auth

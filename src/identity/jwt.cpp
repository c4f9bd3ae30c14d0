#include "identity/jwt.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "crypto/encoding.h"

namespace portcullis::identity {
namespace {

using std::chrono::sys_seconds;

constexpr size_t kMaxToken = 16 * 1024;
constexpr sys_seconds kFarFuture = sys_seconds(std::chrono::seconds(int64_t{1} << 40));

struct Parts {
  std::string_view signed_part;  // header.payload
  std::string_view header, payload, signature;
};

std::optional<Parts> split(std::string_view token) {
  const size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return Parts{token.substr(0, second), token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1)};
}

// Decodes base64url into one of this thread's buffers; kBuffer selects the buffer.
template <int kBuffer>
std::optional<std::string_view> decode(std::string_view text) {
  thread_local std::string buffer(kMaxToken, '\0');
  return crypto::base64_decode(text, crypto::Base64::kUrl, std::span(buffer.data(), buffer.size()));
}

// Tokens of an issuer share one or few headers, so each thread caches the header that it parsed last.
std::shared_ptr<const Claims> read_header(std::string_view encoded) {
  thread_local std::string last_text;
  thread_local std::shared_ptr<const Claims> last;
  if (last && last_text == encoded) return last;
  const auto text = decode<0>(encoded);
  auto header = text ? Claims::parse(*text) : nullptr;
  if (header) {
    last = header;
    last_text = encoded;
  }
  return header;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// "JWT", "jwt" and "application/jwt" are equal (RFC 7515 section 4.1.9).
bool same_type(std::string_view given, std::string_view wanted) {
  constexpr std::string_view kPrefix = "application/";
  const auto strip = [&](std::string_view type) {
    return type.size() > kPrefix.size() && equals_ignoring_case(type.substr(0, kPrefix.size()), kPrefix)
               ? type.substr(kPrefix.size())
               : type;
  };
  return equals_ignoring_case(strip(given), strip(wanted));
}

// The state of a NumericDate claim (RFC 7519 section 2): seconds, possibly with a fraction. A claim of
// another type is kBad.
enum class DateState { kAbsent, kGood, kBad };
DateState read_date(const Claims& claims, std::string_view name, double& out) {
  const Claims::Claim* claim = claims.find(name);
  if (claim == nullptr) return DateState::kAbsent;
  const char* end = claim->text.data() + claim->text.size();
  if (claim->kind != Claims::Kind::kNumber || claim->in_array ||
      std::from_chars(claim->text.data(), end, out).ptr != end || !std::isfinite(out))
    return DateState::kBad;
  return DateState::kGood;
}

TokenFault judge_times(const Claims& claims, const TokenRules& rules,
                       std::chrono::system_clock::time_point now, sys_seconds& good_until) {
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  const auto leeway = static_cast<double>(rules.leeway.count());
  double expiry = 0, start = 0, issued = 0;
  switch (read_date(claims, "exp", expiry)) {
    case DateState::kBad: return TokenFault::kMalformed;
    case DateState::kAbsent:
      if (rules.needs_expiry) return TokenFault::kNoExpiry;
      good_until = kFarFuture;
      break;
    case DateState::kGood:
      // The current date "MUST be before" `exp` (RFC 7519 section 4.1.4).
      if (seconds >= expiry + leeway) return TokenFault::kExpired;
      good_until = expiry < 1e11
                       ? sys_seconds(std::chrono::seconds(static_cast<int64_t>(std::floor(expiry + leeway))))
                       : kFarFuture;
      break;
  }
  switch (read_date(claims, "nbf", start)) {
    case DateState::kBad: return TokenFault::kMalformed;
    case DateState::kAbsent: break;
    case DateState::kGood:
      if (seconds < start - leeway) return TokenFault::kNotYetValid;
      break;
  }
  return read_date(claims, "iat", issued) == DateState::kBad ? TokenFault::kMalformed : TokenFault::kNone;
}

bool is_text(const Claims& claims, std::string_view name) {
  const Claims::Claim* claim = claims.find(name);
  return claim == nullptr || (claim->kind == Claims::Kind::kText && !claim->in_array);
}

TokenFault judge_claims(const Claims& claims, const TokenRules& rules) {
  // "iss" and "sub" must be strings, "aud" a string or a list of strings (RFC 7519 section 4.1).
  if (!is_text(claims, "iss") || !is_text(claims, "sub")) return TokenFault::kMalformed;
  bool for_us = false;
  for (const Claims::Claim& claim : claims.all()) {
    if (claim.name != "aud") continue;
    if (claim.kind != Claims::Kind::kText) return TokenFault::kMalformed;
    for_us |= contains(rules.audiences, claim.text);
  }
  if (!rules.issuers.empty() && !contains(rules.issuers, claims.text_of("iss"))) return TokenFault::kIssuer;
  // Refuses a token for other audiences, and, when the rules name audiences, a token without an audience
  // (section 4.1.3).
  if (!rules.any_audience && !for_us && (claims.has_member("aud") || !rules.audiences.empty()))
    return TokenFault::kAudience;
  return TokenFault::kNone;
}

// Tries the keys that match the header: those with its `kid`, or all keys when the header has no `kid`.
TokenFault verify_signature(const Claims& header, crypto::Algorithm algorithm, std::string_view message,
                            std::string_view signature, const KeySet& keys) {
  const Claims::Claim* kid = header.find("kid");
  if (kid != nullptr && (kid->kind != Claims::Kind::kText || kid->in_array)) return TokenFault::kMalformed;
  TokenFault fault = TokenFault::kUnknownKey;
  int tried = 0;
  constexpr int kMaxTried = 8;  // each attempt costs CPU time that a forger could make this gateway spend
  for (const crypto::NamedVerifier& key : keys.keys) {
    if (key.verifier.algorithm() != algorithm) continue;
    if (kid != nullptr && !key.kid.empty() && key.kid != kid->text) continue;
    if (key.verifier.verify(message, signature)) return TokenFault::kNone;
    fault = TokenFault::kSignature;
    if (++tried == kMaxTried) break;
  }
  return fault;
}

VerifiedToken refused(TokenFault fault) {
  return {fault, nullptr, {}};
}

}  // namespace

VerifiedToken verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                           std::chrono::system_clock::time_point now) {
  if (token.size() > kMaxToken) return refused(TokenFault::kTooLong);
  const auto parts = split(token);
  if (!parts) return refused(TokenFault::kMalformed);
  const auto header = read_header(parts->header);
  if (!header) return refused(TokenFault::kMalformed);
  const Claims::Claim* named = header->find("alg");
  if (named == nullptr || named->kind != Claims::Kind::kText || named->in_array)
    return refused(TokenFault::kMalformed);
  const auto algorithm = crypto::algorithm_by_name(named->text);
  if (!algorithm ||
      std::find(rules.algorithms.begin(), rules.algorithms.end(), *algorithm) == rules.algorithms.end())
    return refused(TokenFault::kAlgorithm);
  if (header->has_member("crit")) return refused(TokenFault::kCritical);
  if (!rules.type.empty() && !same_type(header->text_of("typ"), rules.type))
    return refused(TokenFault::kType);
  const auto signature = decode<1>(parts->signature);
  if (!signature) return refused(TokenFault::kMalformed);
  const TokenFault signature_fault =
      verify_signature(*header, *algorithm, parts->signed_part, *signature, keys);
  if (signature_fault != TokenFault::kNone) return refused(signature_fault);

  VerifiedToken out;
  const auto payload = decode<2>(parts->payload);
  out.claims = payload ? Claims::parse(*payload) : nullptr;
  if (!out.claims) return refused(TokenFault::kMalformed);
  out.fault = judge_times(*out.claims, rules, now, out.good_until);
  if (out.fault == TokenFault::kNone) out.fault = judge_claims(*out.claims, rules);
  if (out.fault != TokenFault::kNone) out.claims = nullptr;
  return out;
}

}  // namespace portcullis::identity

#include "proxy/sticky.h"

#include <sodium.h>

#include <array>

#include "base/text.h"

namespace portcullis::proxy {
namespace {

// The cookie's value: 16 hexadecimal digits of the target's id, 8 digits of its end in minutes since 1970,
// and the signature.
constexpr size_t kTarget = 16, kEnd = 8, kSigned = kTarget + kEnd, kSignature = 32,
                 kWhole = kSigned + kSignature;

void sign(const upstream::UpstreamDefinition& upstream, std::string_view text, char* out) {
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> whole;
  crypto_auth_hmacsha256_state state;
  const auto bytes = [](std::string_view one) { return reinterpret_cast<const unsigned char*>(one.data()); };
  crypto_auth_hmacsha256_init(&state, bytes(upstream.sticky.key), upstream.sticky.key.size());
  for (const std::string_view part : {std::string_view(upstream.name), std::string_view("\n"),
                                      std::string_view(upstream.sticky.cookie), std::string_view("\n"), text})
    crypto_auth_hmacsha256_update(&state, bytes(part), part.size());
  crypto_auth_hmacsha256_final(&state, whole.data());
  for (size_t i = 0; i < kSignature / 2; ++i) write_hex(out + 2 * i, whole[i], 2);
}

uint64_t minutes(std::chrono::sys_seconds moment) {
  return static_cast<uint64_t>(std::chrono::floor<std::chrono::minutes>(moment).time_since_epoch().count());
}

}  // namespace

std::string_view write_cookie(std::string_view name, std::string_view value, std::chrono::seconds ttl,
                              bool secure, Arena& arena) {
  std::string_view age;
  if (ttl.count() > 0) age = arena.concat("; Max-Age=", arena.decimal(static_cast<uint64_t>(ttl.count())));
  return arena.concat(name, "=", value, "; Path=/; HttpOnly; SameSite=Lax", secure ? "; Secure" : "", age);
}

std::optional<StickyVisit> read_sticky(const upstream::UpstreamDefinition& upstream, std::string_view value,
                                       std::chrono::sys_seconds now) {
  if (value.size() != kWhole) return std::nullopt;
  std::array<char, kSignature> expected;
  sign(upstream, value.substr(0, kSigned), expected.data());
  if (sodium_memcmp(expected.data(), value.data() + kSigned, kSignature) != 0) return std::nullopt;
  const auto target = parse_hex(value.substr(0, kTarget));
  const auto end = parse_hex(value.substr(kTarget, kEnd));
  if (!target || !end) return std::nullopt;
  const std::chrono::seconds ttl = upstream.sticky.lifetime();
  if (ttl.count() == 0) return StickyVisit{*target, false};
  if (*end <= minutes(now)) return std::nullopt;
  // A cookie that lasts longer than the ttl was made by a node whose clock was ahead, or before the ttl was
  // reduced.
  return StickyVisit{*target, minutes(now + ttl / 2) >= *end || minutes(now + ttl) + 2 < *end};
}

std::string_view write_sticky(const upstream::UpstreamDefinition& upstream, uint64_t target, bool secure,
                              std::chrono::sys_seconds now, Arena& arena) {
  const upstream::StickyCookie& sticky = upstream.sticky;
  const std::chrono::seconds ttl = sticky.lifetime();
  std::array<char, kWhole> value;
  write_hex(value.data(), target, kTarget);
  write_hex(value.data() + kTarget, ttl.count() == 0 ? 0 : minutes(now + ttl) + 1, kEnd);
  sign(upstream, {value.data(), kSigned}, value.data() + kSigned);
  return write_cookie(sticky.cookie, {value.data(), value.size()}, ttl, secure, arena);
}

}  // namespace portcullis::proxy

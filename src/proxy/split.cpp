#include "proxy/split.h"

#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "http/query.h"
#include "proxy/sticky.h"

namespace portcullis::proxy {
namespace {

// The number of hexadecimal digits of a place in the cookie's value.
constexpr size_t kDigits = 8;

std::optional<uint32_t> read_place(std::string_view value) {
  const auto place = value.size() == kDigits ? parse_hex(value) : std::nullopt;
  if (!place) return std::nullopt;
  return static_cast<uint32_t>(*place);
}

}  // namespace

Split::Split(std::vector<Branch> branches, Sticky sticky)
    : branches_(std::move(branches)), sticky_(std::move(sticky)), needs_context_(sticky_.key.has_value()) {
  for (const Branch& branch : branches_) needs_context_ |= branch.hash_key || !branch.when.empty();
}

void Split::add_reads(policy::RequestReads& reads) const {
  for (const Branch& branch : branches_) branch.when.add_reads(reads);
  if (sticky_.key) sticky_.key->add_reads(reads, policy::RequestReads::Use::kDecides);
}

std::optional<uint32_t> Split::known_place(policy::Context& context) const {
  if (sticky_.key) {
    const std::string_view key = sticky_.key->text_of(context);
    if (key.empty()) return std::nullopt;
    return static_cast<uint32_t>(hash_bytes(key) >> 32);
  }
  if (sticky_.cookie.empty()) return std::nullopt;
  const auto given = http::find_cookie(context.request.fields, sticky_.cookie);
  return given ? read_place(*given) : std::nullopt;
}

const Branch* Split::by_condition(const policy::Context& context, Clock::time_point now) const {
  for (const Branch& branch : branches_) {
    if (!branch.when.empty() && branch.serves(now) && branch.when.holds(context)) return &branch;
  }
  return nullptr;
}

const Branch& Split::by_place(uint32_t place, Clock::time_point now) const {
  const auto find = [this](uint32_t at, auto admits) -> const Branch* {
    uint64_t whole = 0;
    for (const Branch& branch : branches_) whole += admits(branch) ? branch.weight : 0;
    uint64_t left = whole * at >> 32;
    for (const Branch& branch : branches_) {
      if (!admits(branch)) continue;
      if (left < branch.weight) return &branch;
      left -= branch.weight;
    }
    return nullptr;
  };
  const Branch* chosen = find(place, [](const Branch&) { return true; });
  if (chosen->serves(now)) return *chosen;
  // The place is hashed again. Otherwise all places of a branch that is taken out would go to its neighbour.
  const auto elsewhere = static_cast<uint32_t>(hash_mix(place, 0x9E3779B97F4A7C15ull) >> 32);
  const Branch* other = find(elsewhere, [now](const Branch& branch) { return branch.serves(now); });
  return other != nullptr ? *other : *chosen;
}

std::string_view write_place(const Split::Sticky& sticky, uint32_t place, bool secure, Arena& arena) {
  std::array<char, kDigits> digits;
  write_hex(digits.data(), place, kDigits);
  return write_cookie(sticky.cookie, {digits.data(), digits.size()}, sticky.lifetime(), secure, arena);
}

}  // namespace portcullis::proxy

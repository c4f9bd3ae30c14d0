#include "proxy/forwarding.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "crypto/digest.h"
#include "http/quoted.h"

namespace portcullis::proxy {
namespace {

using http::FieldId;

// One hop of the request, as a proxy has recorded it.
struct Hop {
  std::string_view address;  // as written, perhaps with port
  std::string_view scheme;
  std::string_view host;
};

// The recorded hops, oldest first. Only the last hops count, so a list that is too long loses its beginning.
class Hops {
 public:
  void add(const Hop& hop) {
    if (count_ == hops_.size()) {
      std::copy(hops_.begin() + 1, hops_.end(), hops_.begin());
      --count_;
    }
    hops_[count_++] = hop;
  }
  size_t size() const { return count_; }
  const Hop& operator[](size_t i) const { return hops_[i]; }

 private:
  std::array<Hop, 16> hops_;
  size_t count_ = 0;
};

// Reads a line such as `for=192.0.2.1;proto=https, for="[2001:db8::1]:80"` (RFC 7239 section 4). When a
// client has left a quote open, the text that a trusted proxy has added would become a part of the quoted
// text, so nothing on such a line is trusted.
void read_forwarded(std::string_view value, Hops& hops) {
  if (http::has_open_quote(value)) return hops.add({});
  while (!value.empty()) {
    const size_t end = http::element_end(value, ",");
    Hop hop;
    for (std::string_view element = value.substr(0, end); !element.empty();) {
      const size_t pair_end = http::element_end(element, ";");
      const std::string_view pair = trim(element.substr(0, pair_end));
      element.remove_prefix(std::min(pair_end + 1, element.size()));
      const size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = pair.substr(0, equals);
      const std::string_view text = http::without_quotes(pair.substr(equals + 1));
      if (equals_ignoring_case(name, "for")) hop.address = text;
      if (equals_ignoring_case(name, "proto")) hop.scheme = text;
      if (equals_ignoring_case(name, "host")) hop.host = text;
    }
    hops.add(hop);
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

Hops read_hops(const http::Fields& fields, bool rfc7239) {
  Hops hops;
  for (const http::Field& field : fields) {
    if (rfc7239 && field.id == FieldId::kForwarded) read_forwarded(field.value, hops);
    if (!rfc7239 && field.id == FieldId::kXForwardedFor) {
      for_each_list_element(field.value, [&](std::string_view element) { hops.add({element, {}, {}}); });
    }
  }
  return hops;
}

// Returns the address in "192.0.2.1:80" or "[2001:db8::1]:80", without brackets and port.
std::string_view address_of(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  const size_t colon = text.find(':');
  const bool port = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return port ? text.substr(0, colon) : text;
}

bool is_trusted(const ForwardingRules& rules, std::string_view address) {
  const std::optional<IpAddress> parsed = IpAddress::parse(address);
  return parsed && std::any_of(rules.trusted_proxies.begin(), rules.trusted_proxies.end(),
                               [&](const IpRange& range) { return range.contains(*parsed); });
}

std::string_view scheme_or_http(std::string_view told) {
  return equals_ignoring_case(told, "https") ? "https" : "http";
}

bool is_plain_host(std::string_view host) {
  return !host.empty() && host.find_first_of(" \t\",;/@\\") == std::string_view::npos;
}

// Writes a `for=` of RFC 7239: an IPv6 address is bracketed and quoted; a text that is not an address becomes
// "unknown".
void write_for(http::HeadWriter& out, std::string_view address) {
  const std::string_view bare = address_of(address);
  if (!IpAddress::parse(bare)) return out.write("for=unknown");
  if (bare.find(':') == std::string_view::npos) return out.write("for=", bare);
  out.write("for=\"[", bare, "]\"");
}

void write_x_forwarded(http::HeadWriter& out, const http::RequestHead& request, std::string_view peer,
                       const Origin& origin) {
  out.write("x-forwarded-for: ");
  if (origin.through_trusted_proxy) {
    for (const http::Field& field : request.fields) {
      if (field.id == FieldId::kXForwardedFor && !field.value.empty()) out.write(field.value, ", ");
    }
  }
  out.write(peer, "\r\n");
  out.field("x-forwarded-proto", origin.scheme);
  if (!origin.host.empty()) out.field("x-forwarded-host", origin.host);
}

void write_rfc7239(http::HeadWriter& out, const ForwardingRules& rules, const http::RequestHead& request,
                   std::string_view peer, const Origin& origin) {
  out.write("forwarded: ");
  if (origin.through_trusted_proxy) {
    for (const http::Field& field : request.fields) {
      if (rules.form == ForwardedForm::kForwarded && field.id == FieldId::kForwarded)
        out.write(http::has_open_quote(field.value) ? std::string_view("for=unknown") : field.value, ", ");
      if (rules.form != ForwardedForm::kBoth || field.id != FieldId::kXForwardedFor) continue;
      for_each_list_element(field.value, [&](std::string_view element) {
        write_for(out, element);
        out.write(", ");
      });
    }
  }
  write_for(out, peer);
  if (is_plain_host(origin.host)) out.write(";host=\"", origin.host, "\"");
  out.write(";proto=", origin.scheme, "\r\n");
}

}  // namespace

Origin find_origin(const ForwardingRules& rules, const http::RequestHead& request, std::string_view peer,
                   std::string_view own_scheme, Arena& arena) {
  Origin origin{peer, own_scheme, request.authority};
  if (rules.trusted_proxies.empty() || !is_trusted(rules, peer)) return origin;
  origin.through_trusted_proxy = true;
  if (rules.form == ForwardedForm::kNone) return origin;
  const bool rfc7239 = rules.form == ForwardedForm::kForwarded;
  const Hops hops = read_hops(request.fields, rfc7239);
  if (!rfc7239) {
    if (const std::string_view told = request.fields.value_of("x-forwarded-proto"); !told.empty())
      origin.scheme = scheme_or_http(told);
    const std::string_view host = request.fields.value_of("x-forwarded-host");
    if (is_plain_host(host)) origin.host = host;
  }
  for (size_t i = hops.size(); i > 0; --i) {
    const Hop& hop = hops[i - 1];
    const std::string_view address = address_of(hop.address);
    const auto parsed = IpAddress::parse(address);
    if (!parsed) break;  // the address is hidden or malformed: the last known one is used
    // Limits, conditions and logs need a single form of an address: ::ffff:192.0.2.1 becomes 192.0.2.1.
    char* text = arena.allocate(INET6_ADDRSTRLEN, 1);
    origin.client = {text, parsed->write(text)};
    if (rfc7239) {
      if (!hop.scheme.empty()) origin.scheme = scheme_or_http(hop.scheme);
      if (is_plain_host(hop.host)) origin.host = hop.host;
    }
    if (!is_trusted(rules, address)) break;
  }
  return origin;
}

void remove_forged_fields(const ForwardingRules& rules, const Origin& origin, http::Fields& fields) {
  const bool trusted = origin.through_trusted_proxy;
  const bool reads_forwarded = trusted && rules.form == ForwardedForm::kForwarded;
  const bool reads_x_forwarded =
      trusted && (rules.form == ForwardedForm::kXForwarded || rules.form == ForwardedForm::kBoth);
  fields.remove_if([&](const http::Field& field) {
    switch (field.id) {
      case FieldId::kClientCert:
      case FieldId::kHttp2Settings:
      case FieldId::kImitation:
      case FieldId::kXConsumer: return true;
      case FieldId::kForwarded: return !reads_forwarded;
      case FieldId::kXForwardedFor:
      case FieldId::kXForwardedHost:
      case FieldId::kXForwardedProto: return !reads_x_forwarded;
      case FieldId::kXMirrored: return !trusted;
      case FieldId::kOther: return !trusted && rules.drop_from_untrusted.contains(field.name);
      default: return false;
    }
  });
}

void write_forwarding(http::HeadWriter& out, const ForwardingRules& rules, const http::RequestHead& request,
                      std::string_view peer, const Origin& origin, std::string_view pseudonym) {
  if (rules.form == ForwardedForm::kXForwarded || rules.form == ForwardedForm::kBoth)
    write_x_forwarded(out, request, peer, origin);
  if (rules.form == ForwardedForm::kForwarded || rules.form == ForwardedForm::kBoth)
    write_rfc7239(out, rules, request, peer, origin);
  // The gateway's entry in Via (RFC 9110 section 7.6.3) follows the Via fields of the request.
  constexpr std::string_view kVersions[] = {"1.0 ", "1.1 ", "2.0 "};
  const std::string_view version = kVersions[static_cast<size_t>(request.version)];
  if (rules.via.empty()) return out.field("via", version, pseudonym);
  out.field("via", version, rules.via, " (", pseudonym, ")");
}

std::string pseudonym_of(std::string_view route) {
  static const crypto::KeyedHash keyed;
  std::string word(16, '0');
  write_hex(word.data(), keyed(route), word.size());
  return word;
}

bool came_through(std::string_view pseudonym, const http::Fields& fields) {
  return std::any_of(fields.begin(), fields.end(), [&](const http::Field& field) {
    return field.id == FieldId::kVia && field.value.find(pseudonym) != std::string_view::npos;
  });
}

bool takes_trailers(const http::Fields& fields) {
  bool takes = false;
  for (const http::Field& field : fields) {
    if (field.id != FieldId::kTe) continue;
    for_each_list_element(
        field.value, [&](std::string_view coding) { takes |= equals_ignoring_case(coding, "trailers"); });
  }
  return takes;
}

bool is_forwarding_field(FieldId id) {
  switch (id) {
    case FieldId::kForwarded:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto: return true;
    default: return false;
  }
}

}  // namespace portcullis::proxy

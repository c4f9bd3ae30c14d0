#include "policy/template.h"

#include <algorithm>

#include "base/arena_text.h"
#include "base/text.h"
#include "http/characters.h"
#include "http/combined_value.h"
#include "http/query.h"

namespace portcullis::policy {

std::string Template::parse(std::string_view text, std::vector<Part>& parts) {
  static constexpr std::pair<std::string_view, Variable> kNames[] = {
      {"request.method", Variable::kMethod},
      {"request.host", Variable::kHost},
      {"request.path", Variable::kPath},
      {"request.query", Variable::kQuery},
      {"request.scheme", Variable::kScheme},
      {"request.id", Variable::kId},
      {"client.address", Variable::kClientAddress},
      {"client.certificate.subject", Variable::kCertificateSubject},
      {"client.certificate.issuer", Variable::kCertificateIssuer},
      {"client.certificate.serial", Variable::kCertificateSerial},
      {"client.certificate.fingerprint", Variable::kCertificateFingerprint},
      {"route.name", Variable::kRouteName},
      {"response.status", Variable::kStatus},
      {"consumer.name", Variable::kConsumerName},
      {"consumer.groups", Variable::kConsumerGroups},
      {"consumer.credential", Variable::kConsumerCredential}};
  static constexpr std::pair<std::string_view, Variable> kFamilies[] = {
      {"request.header.", Variable::kHeader},
      {"request.cookie.", Variable::kCookie},
      {"request.parameter.", Variable::kParameter},
      {"consumer.metadata.", Variable::kConsumerMetadata},
      {"claim.", Variable::kClaim},
      {"claim_json.", Variable::kClaimJson}};
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) parts.push_back({Variable::kLiteral, std::move(literal)});
    literal.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (!http::is_field_value(text[i])) return "control characters are not allowed here";
    if (text[i] != '{') {
      literal += text[i];
      continue;
    }
    if (text.substr(i + 1, 1) == "{") {
      literal += text[i++];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos) return "`{` without `}`; write `{{` for a brace";
    const std::string_view name = text.substr(i + 1, end - i - 1);
    i = end;
    flush();
    std::vector<std::string_view> known;
    bool found = false;
    for (const auto& [prefix, variable] : kFamilies) {
      known.push_back(prefix);
      if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
      parts.push_back({variable, std::string(name.substr(prefix.size()))});
      found = true;
    }
    for (const auto& [candidate, variable] : kNames) {
      known.push_back(candidate);
      if (candidate != name) continue;
      parts.push_back({variable, ""});
      found = true;
    }
    if (found) continue;
    std::string message = "there is no variable `{" + std::string(name) + "}`";
    if (const auto near = nearest_word(name, known))
      message += " - did you mean `{" + std::string(*near) + "}`?";
    return message;
  }
  flush();
  return "";
}

Template::Template(std::string_view text) {
  parse(text, parts_);
}

std::string Template::check(const std::string& text) {
  std::vector<Part> parts;
  return parse(text, parts);
}

std::string_view Template::beginning() const {
  return parts_.empty() || parts_[0].variable != Variable::kLiteral ? std::string_view() : parts_[0].text;
}

bool Template::begins_as_client_says() const {
  if (parts_.empty()) return false;
  switch (parts_[0].variable) {
    case Variable::kPath:
    case Variable::kQuery:
    case Variable::kHeader:
    case Variable::kCookie:
    case Variable::kParameter: return true;
    default: return false;
  }
}

bool Template::is_of_identity() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) {
    switch (part.variable) {
      case Variable::kLiteral:
      case Variable::kRouteName:
      case Variable::kConsumerName:
      case Variable::kConsumerGroups:
      case Variable::kConsumerCredential:
      case Variable::kConsumerMetadata:
      case Variable::kClaim:
      case Variable::kClaimJson:
      case Variable::kCertificateSubject:
      case Variable::kCertificateIssuer:
      case Variable::kCertificateSerial:
      case Variable::kCertificateFingerprint: return true;
      default: return false;
    }
  });
}

CallerReads Template::caller_reads() const {
  using Source = CallerRead::Source;
  CallerReads out;
  for (const Part& part : parts_) {
    switch (part.variable) {
      case Variable::kConsumerName: out.push_back({Source::kConsumer, "consumer.name"}); break;
      case Variable::kConsumerGroups: out.push_back({Source::kConsumer, "consumer.groups"}); break;
      case Variable::kConsumerCredential: out.push_back({Source::kConsumer, "consumer.credential"}); break;
      case Variable::kConsumerMetadata:
        out.push_back({Source::kConsumer, "consumer.metadata." + part.text});
        break;
      case Variable::kClaim: out.push_back({Source::kClaims, "claim." + part.text}); break;
      case Variable::kClaimJson: out.push_back({Source::kClaims, "claim_json." + part.text}); break;
      default: break;
    }
  }
  return out;
}

void Template::add_read_fields(OwnedFields& fields) const {
  for (const Part& part : parts_) {
    if (part.variable == Variable::kHeader) fields.read.add(part.text);
  }
}

// What an issuer says may hold what no field may.
static std::string_view claim_of(std::string_view name, Context& context) {
  if (!context.caller.claims) return {};
  const std::string_view text = context.caller.claims->joined_text_of(name, context.arena);
  return http::is_field_text(text) ? text : std::string_view();
}

static std::string_view claim_json_of(std::string_view name, Context& context) {
  if (!context.caller.claims) return {};
  const std::string text = context.caller.claims->json_of(name);
  return http::is_field_text(text) ? context.arena.copy(text) : std::string_view();
}

// The fields of one name are one list; those of cookies are a list of their own kind (RFC 6265
// section 4.2.1).
static std::string_view header_of(const std::string& name, Context& context) {
  const std::string_view separator = equals_ignoring_case(name, "cookie") ? "; " : ", ";
  return http::combined_value(context.request.fields, name, separator, context.arena);
}

// What an issuer lets its customers choose may hold what no field may.
static std::string_view of_certificate(const Context& context, std::string tls::PeerCertificate::*member) {
  if (context.client_certificate == nullptr) return {};
  const std::string& text = context.client_certificate->*member;
  return http::is_field_text(text) ? std::string_view(text) : std::string_view();
}

std::string_view Template::value_of(const Part& part, Context& context) {
  const identity::Consumer* consumer = context.caller.consumer;
  switch (part.variable) {
    case Variable::kLiteral: return part.text;
    case Variable::kMethod: return context.request.method;
    case Variable::kHost: return context.host;
    case Variable::kPath: return context.path;
    case Variable::kQuery: return context.request.query;
    case Variable::kScheme: return context.scheme;
    case Variable::kId: return context.request_id;
    case Variable::kHeader: return header_of(part.text, context);
    case Variable::kCookie: return http::find_cookie(context.request.fields, part.text).value_or("");
    case Variable::kParameter:
      return context.parameters == nullptr ? std::string_view()
                                           : context.parameters->value(part.text, context.path);
    case Variable::kClientAddress: return context.client_address;
    case Variable::kCertificateSubject: return of_certificate(context, &tls::PeerCertificate::subject);
    case Variable::kCertificateIssuer: return of_certificate(context, &tls::PeerCertificate::issuer);
    case Variable::kCertificateSerial: return of_certificate(context, &tls::PeerCertificate::serial);
    case Variable::kCertificateFingerprint:
      return of_certificate(context, &tls::PeerCertificate::fingerprint);
    case Variable::kRouteName: return context.route;
    case Variable::kConsumerName: return consumer == nullptr ? std::string_view() : consumer->name;
    case Variable::kConsumerGroups: return consumer == nullptr ? std::string_view() : consumer->group_list;
    case Variable::kConsumerCredential: return context.caller.credential;
    case Variable::kConsumerMetadata:
      return consumer == nullptr ? std::string_view() : consumer->metadata_of(part.text);
    case Variable::kClaim: return claim_of(part.text, context);
    case Variable::kClaimJson: return claim_json_of(part.text, context);
    case Variable::kStatus: return context.arena.decimal(context.response.status);
  }
  return {};
}

std::string_view Template::expand(Context& context) const {
  if (parts_.empty()) return {};
  if (parts_.size() == 1) return value_of(parts_[0], context);
  ArenaText out(context.arena);
  for (const Part& part : parts_) out.add(value_of(part, context));
  return out.view();
}

}  // namespace portcullis::policy

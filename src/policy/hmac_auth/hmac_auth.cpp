#include "policy/hmac_auth/hmac_auth.h"

#include <map>

#include "base/text.h"
#include "crypto/digest.h"
#include "policy/authentication.h"
#include "policy/counters.h"
#include "policy/hmac_auth/reasons.h"
#include "policy/hmac_auth/signature_base.h"
#include "policy/services.h"

namespace portcullis::policy::hmac_auth {
namespace {

enum class Nonce { kOptional, kRequired };
constexpr auto names_of(Nonce) {
  return std::to_array<EnumName<Nonce>>({{Nonce::kOptional, "optional"}, {Nonce::kRequired, "required"}});
}

struct Settings : AuthenticationSettings {
  std::vector<std::string> components{"@method", "@target-uri"};
  std::chrono::milliseconds window{300'000};
  Nonce nonce = Nonce::kOptional;
  bool digest = true;
  uint64_t body_limit = 1 << 20;
};

// A signature of the request, with the components and parameters that it covers.
struct Presented {
  http::InnerList covered;
  std::string signature;
};

constexpr std::string_view kChallenge = "Signature";
constexpr std::chrono::seconds kClockSkew{30};

// Parses all lines of a field that is a dictionary; nothing when the field is missing or malformed.
std::optional<std::vector<http::Member>> dictionary_of(const http::RequestHead& request,
                                                       std::string_view name) {
  std::string whole;
  for (const http::Field& field : request.fields) {
    if (equals_ignoring_case(field.name, name))
      whole += (whole.empty() ? "" : ", ") + std::string(field.value);
  }
  if (whole.empty()) return std::nullopt;
  return http::parse_dictionary(whole);
}

template <typename T>
const T* parameter(const http::InnerList& list, std::string_view key) {
  const http::BareItem* found = http::find_parameter(list.parameters, key);
  return found == nullptr ? nullptr : std::get_if<T>(found);
}

// The first signature that is in both fields, Signature-Input and Signature.
std::optional<Presented> read_signature(const http::RequestHead& request) {
  const auto inputs = dictionary_of(request, "signature-input");
  const auto signatures = dictionary_of(request, "signature");
  if (!inputs || !signatures) return std::nullopt;
  std::map<std::string_view, const http::ByteSequence*> by_key;
  for (const http::Member& one : *signatures) {
    const auto* item = std::get_if<http::Item>(&one.value);
    const auto* bytes = item == nullptr ? nullptr : std::get_if<http::ByteSequence>(&item->value);
    if (bytes != nullptr) by_key[one.key] = bytes;
  }
  for (const http::Member& input : *inputs) {
    const auto* covered = std::get_if<http::InnerList>(&input.value);
    if (covered == nullptr) continue;
    const auto signature = by_key.find(input.key);
    if (signature != by_key.end()) return Presented{*covered, signature->second->bytes};
  }
  return std::nullopt;
}

bool covers(const http::InnerList& covered, std::string_view component) {
  for (const http::Item& item : covered.items) {
    const auto* name = std::get_if<std::string>(&item.value);
    if (name != nullptr && *name == component) return true;
  }
  // The target URI may also be covered by its parts.
  if (component == "@target-uri")
    return covers(covered, "@authority") &&
           (covers(covered, "@request-target") || (covers(covered, "@path") && covers(covered, "@query")));
  return false;
}

// True when Content-Digest (RFC 9530) has at least one digest with a known algorithm, and all of those match
// `content`.
bool digest_agrees(const http::RequestHead& request, std::string_view content) {
  const auto digests = dictionary_of(request, "content-digest");
  if (!digests) return false;
  bool known = false;
  for (const http::Member& member : *digests) {
    if (member.key != "sha-256" && member.key != "sha-512") continue;
    const auto* item = std::get_if<http::Item>(&member.value);
    const auto* told = item == nullptr ? nullptr : std::get_if<http::ByteSequence>(&item->value);
    if (told == nullptr) return false;
    const auto agrees = [&](const auto& digest) {
      return crypto::equal_in_constant_time(told->bytes, crypto::text_of(digest));
    };
    if (!(member.key == "sha-256" ? agrees(crypto::sha256(content)) : agrees(crypto::sha512(content))))
      return false;
    known = true;
  }
  return known;
}

class HmacAuth final : public Authentication {
 public:
  HmacAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build),
        settings_(settings),
        seen_(build.services.get<Counters>().limits()),
        once_(limits::Algorithm::kTokenBucket, 1, settings.window * 2 + std::chrono::seconds(60), 1) {}

  bool presented(const Context& context) const override {
    return context.request.fields.find("signature") != nullptr ||
           context.request.fields.find("signature-input") != nullptr;
  }
  void add_reads(RequestReads& reads) const override {
    for (const char* name : {"signature", "signature-input"})
      reads.add_header(name, RequestReads::Use::kCredential);
  }
  std::string_view challenge() const override { return kChallenge; }
  const EndReason& missing_reason() const override { return kReasons.signature_missing; }

  Decision authenticate(Context& context) const override {
    const auto presented = read_signature(context.request);
    if (!presented) return unauthorized(context, kChallenge, kReasons.signature_malformed);
    const http::InnerList& covered = presented->covered;
    const auto* keyid = parameter<std::string>(covered, "keyid");
    const identity::SigningKey* key = keyid == nullptr ? nullptr : consumers().by_signing_key(*keyid);
    if (key == nullptr) return unauthorized(context, kChallenge, kReasons.signature_unknown_key);
    if (const EndReason* fault = judge(covered, *key)) return unauthorized(context, kChallenge, *fault);
    const auto base = signature_base(covered, context);
    if (!base) return unauthorized(context, kChallenge, kReasons.signature_component);
    if (!key->key.verify(*base, presented->signature))
      return unauthorized(context, kChallenge, kReasons.signature_wrong);
    // Nonces are stored only after the signature has been verified. Otherwise strangers could fill the memory
    // and use up the nonces of others.
    const auto* nonce = parameter<std::string>(covered, "nonce");
    if (nonce != nullptr && !is_first_use(context, *keyid, *nonce))
      return unauthorized(context, kChallenge, kReasons.signature_replayed);
    const bool has_digest = covers(covered, "content-digest");
    if (!has_digest && settings_.digest && context.request.body.kind != http::BodyKind::kNone)
      return unauthorized(context, kChallenge, kReasons.signature_without_digest);
    if (!has_digest) return admit(context, *key);
    if (context.request.body.kind == http::BodyKind::kNone)
      return digest_agrees(context.request, "") ? admit(context, *key)
                                                : unauthorized(context, kChallenge, kReasons.digest_wrong);
    return Decision::suspend(check_body(context, *key));
  }

 private:
  // True when the key has not used that nonce yet. Marks the nonce as used, unless the request is only
  // explained. The nonces of each key are counted in a scope of their own.
  bool is_first_use(const Context& context, std::string_view keyid, std::string_view nonce) const {
    const limits::CounterKey key{limits::CounterSpace::kNonces,
                                 seen_.hash_key(seen_.scope_of_text(keyid), nonce)};
    const Clock::time_point now = context.loop.now();
    return (context.explains() ? seen_.look(once_, key, 1, now) : seen_.charge(once_, key, 1, now)).allowed;
  }

  // What is wrong with the parameters of the signature; null when they are valid.
  const EndReason* judge(const http::InnerList& covered, const identity::SigningKey& key) const {
    for (const std::string& component : settings_.components) {
      if (!covers(covered, component)) return &kReasons.signature_does_not_cover;
    }
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    const auto window = std::chrono::ceil<std::chrono::seconds>(settings_.window).count();
    const auto* created = parameter<int64_t>(covered, "created");
    if (created == nullptr || *created > now + kClockSkew.count() || now - *created > window)
      return &kReasons.signature_outside_window;
    if (const http::BareItem* expires = http::find_parameter(covered.parameters, "expires")) {
      const auto* moment = std::get_if<int64_t>(expires);
      if (moment == nullptr || *moment <= now) return &kReasons.signature_expired;
    }
    if (const http::BareItem* told = http::find_parameter(covered.parameters, "alg")) {
      const auto* name = std::get_if<std::string>(told);
      if (name == nullptr || *name != key.algorithm)
        return &kReasons.signature_algorithm;  // RFC 9421 section 3.2, step 6
    }
    const auto* nonce = parameter<std::string>(covered, "nonce");
    if (settings_.nonce == Nonce::kRequired && (nonce == nullptr || nonce->empty()))
      return &kReasons.signature_no_nonce;
    return nullptr;
  }

  Task<Decision> check_body(Context& context, const identity::SigningKey& key) const {
    Decision held = co_await hold_body(context, settings_.body_limit);
    if (held.kind != Decision::Kind::kContinue) co_return held;
    co_return digest_agrees(context.request, context.request_body.holder->content())
        ? admit(context, key)
        : unauthorized(context, kChallenge, kReasons.digest_wrong);
  }

  static Decision admit(Context& context, const identity::SigningKey& key) {
    context.caller = {key.consumer, key.id, nullptr, true};
    return Decision::proceed();
  }

  Settings settings_;
  limits::LocalLimits& seen_;
  limits::Limit once_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "hmac_auth",
      "Finds the consumer by an HTTP message signature (RFC 9421) that was made with one of its "
      "`signing_keys`. A signature that is wrong, too old, or does not cover all required components gets "
      "401.");
  type->optional("components", &Settings::components,
                 config::non_empty(config::list_of<std::string>(config::checked_text(
                     "a component", "", "\'@method\'",
                     [](const std::string& text) -> std::string {
                       return !text.empty() && text == to_lower(text)
                                  ? ""
                                  : "`" + text + "` is not a component: write it in lower case";
                     }))),
                 "Components that every signature must cover. In place of `@target-uri` a signature may "
                 "cover `@authority` and `@request-target`, or `@authority`, `@path` and `@query`.")
      .optional("window", &Settings::window, config::duration(), "Max age of a signature, by its `created`.")
      .optional("nonce", &Settings::nonce, config::choice<Nonce>(),
                "Whether a signature needs a `nonce`. A signature with a nonce is accepted once within the "
                "window, by this node.")
      .optional("digest", &Settings::digest, config::boolean(),
                "Whether the signature of a request with a body must cover `content-digest` (RFC 9530). The "
                "gateway compares that digest with the body before it sends the request to the backend.")
      .optional("body_limit", &Settings::body_limit, config::size(),
                "Max size of a body that is compared with its digest, in memory; beyond it: 413.");
  return make_authentication_kind<Settings, HmacAuth>("hmac_auth", type, "signing_keys")
      .with_reasons(kReasons)
      .with_engine(Counters::start);
}

}  // namespace portcullis::policy::hmac_auth

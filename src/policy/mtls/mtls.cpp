#include "policy/mtls/mtls.h"

#include <algorithm>

#include "base/wall_clock.h"
#include "policy/authentication.h"
#include "policy/claims_rules.h"
#include "policy/mtls/reasons.h"

namespace portcullis::policy::mtls {
namespace {

struct Settings : AuthenticationSettings {
  ConsumerNeed consumer = ConsumerNeed::kRequired;
};

// RFC 9110 requires a challenge in a 401; no registered scheme stands for the TLS handshake.
constexpr std::string_view kChallenge = "ClientCertificate";

class Mtls final : public Authentication {
 public:
  Mtls(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build), needs_consumer_(settings.consumer == ConsumerNeed::kRequired) {}

  // The certificate was verified in the handshake.
  bool presented(const Context& context) const override { return context.client.certificate != nullptr; }
  void add_reads(RequestReads& reads) const override {
    reads.add({.part = RequestReads::Part::kCertificate, .use = RequestReads::Use::kCredential});
  }
  std::string_view challenge() const override { return kChallenge; }
  const EndReason& missing_reason() const override { return kReasons.certificate_missing; }

  Decision authenticate(Context& context) const override {
    const tls::PeerCertificate& shown = *context.client.certificate;
    // The certificate was valid at the handshake, which may have been long ago.
    if (current_second() >= shown.not_after)
      return unauthorized(context, kChallenge, kReasons.certificate_expired);
    const identity::ClientCertificate* known = find(shown);
    if (known == nullptr && needs_consumer_)
      return unauthorized(context, kChallenge, kReasons.certificate_unknown);
    context.caller = {known == nullptr ? nullptr : known->consumer,
                      known == nullptr ? std::string_view(shown.fingerprint) : std::string_view(known->name),
                      nullptr, true};
    return Decision::proceed();
  }

 private:
  // The most specific property of the certificate is looked up first.
  const identity::ClientCertificate* find(const tls::PeerCertificate& shown) const {
    using Kind = config::CertificateCredential::Kind;
    if (const auto* known = consumers().by_certificate(Kind::kFingerprint, shown.fingerprint)) return known;
    const std::pair<Kind, const std::vector<std::string>*> lists[] = {
        {Kind::kUri, &shown.uris}, {Kind::kDnsName, &shown.dns_names}, {Kind::kEmail, &shown.emails}};
    for (const auto& [kind, names] : lists) {
      for (const std::string& name : *names) {
        if (const auto* known = consumers().by_certificate(kind, name)) return known;
      }
    }
    return consumers().by_certificate(Kind::kSubject, shown.subject);
  }

  bool needs_consumer_;
};

void check(const config::PolicyUse& use, const Settings& settings, const config::Config& config,
           config::Diagnostics& diagnostics) {
  check_authentication(settings, config, diagnostics);
  const bool asked =
      std::any_of(config.listeners.begin(), config.listeners.end(), [](const config::Listener& one) {
        return one.tls.client_certificate != config::ClientCertificate::kNone;
      });
  if (!asked)
    diagnostics.error(use.location,
                      "no listener asks clients for a certificate: `mtls` needs a listener whose `tls` has "
                      "`client_certificate: required` or `optional`");
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "mtls",
      "Finds the consumer by the certificate that the client has shown in the TLS handshake and that the "
      "listener has verified. A request without a certificate, or with one that belongs to no consumer, gets "
      "401.");
  type->optional("consumer", &Settings::consumer, config::choice<ConsumerNeed>(),
                 "Whether the certificate must belong to a consumer. With `optional`, every certificate that "
                 "the listener's `client_ca` has issued is accepted.");
  add_authentication_fields<Settings>(*type);
  return with_insight<Settings>(
      make_kind<Settings, Mtls>("mtls", type, check)
          .with_reasons(kReasons)
          .with_traits({.authenticates = true}),
      [](const Settings& settings, const config::PolicyUse&) { return authentication_insight(settings); });
}

}  // namespace portcullis::policy::mtls

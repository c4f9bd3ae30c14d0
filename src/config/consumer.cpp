#include "config/consumer.h"

#include <algorithm>

#include "config/field_types.h"
#include "config/labels.h"
#include "config/marked_type.h"
#include "config/named_items.h"
#include "config/policy_list.h"
#include "config/signature_names.h"
#include "config/value_types.h"
#include "http/characters.h"

namespace portcullis::config {
namespace {

// The formats of crypt(5) and of libsodium that identity/password.h can verify.
std::string check_password_hash(const std::string& text) {
  for (const std::string_view prefix :
       {"$2a$", "$2b$", "$2y$", "$y$", "$argon2id$", "$argon2i$", "$6$", "$5$"}) {
    if (text.starts_with(prefix)) return "";
  }
  return "expected a hash by bcrypt ($2b$), yescrypt ($y$), argon2 ($argon2id$) or SHA-crypt ($6$, $5$): "
         "`portcullis hash-password` makes a hash from a password";
}

// The value becomes a part of header fields and lists.
std::string check_word(const std::string& text) {
  const bool good = !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 127 && c != ',';
  });
  return good ? ""
              : "`" + text + "` is not valid here: write visible ASCII characters, without spaces and commas";
}

std::string check_value(const std::string& text) {
  return http::is_field_text(text) ? "" : "control characters are not allowed here";
}

std::string check_fingerprint(const std::string& text) {
  const auto digits = std::count_if(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0; });
  const bool good = digits == 64 && std::all_of(text.begin(), text.end(),
                                                [](char c) { return c == ':' || hex_value(c) >= 0; });
  return good ? "" : "`" + text + "` is not a fingerprint: write the 64 hexadecimal digits of a SHA-256";
}

std::string check_signature_name(const std::string& text) {
  std::vector<std::string_view> known;
  for (const auto& one : kSignatureNames) {
    if (one.name == text) return "";
    known.push_back(one.name);
  }
  return "`" + text + "` is not an algorithm of RFC 9421" + suggestion_for(text, known);
}

std::string check_username(const std::string& text) {
  if (text.empty() || text.find(':') != std::string::npos)
    return "`" + text + "` is not a user name: a user name is not empty and has no `:` (RFC 7617)";
  return check_value(text);
}

}  // namespace

std::pair<CertificateCredential::Kind, std::string> CertificateCredential::known_by() const {
  if (!fingerprint.empty()) {
    std::string digits = to_lower(fingerprint);
    std::erase(digits, ':');
    return {Kind::kFingerprint, digits};
  }
  if (!uri.empty()) return {Kind::kUri, uri};
  if (!dns_name.empty()) return {Kind::kDnsName, dns_name};
  if (!email.empty()) return {Kind::kEmail, email};
  return {Kind::kSubject, subject};
}

namespace {

std::shared_ptr<ObjectType<ApiKey>> api_key_type() {
  auto key = std::make_shared<ObjectType<ApiKey>>("key", "An API key of the consumer.");
  key->locate(&ApiKey::location)
      .required("hash", &ApiKey::hash, key_hash_type(),
                "`sha256:` and the hexadecimal SHA-256 of the key; `portcullis hash-key` makes it.")
      .optional("name", &ApiKey::name, name_type(),
                "The name of the key in the log and in `x-consumer-credential`.")
      .optional("expires", &ApiKey::expires, timestamp(), "The moment (UTC) from which the key is refused.")
      .default_in_words("never");
  return key;
}

Type<BasicCredential> basic_type() {
  auto basic =
      std::make_shared<ObjectType<BasicCredential>>("basic", "A name and password for `basic_auth`.");
  basic->locate(&BasicCredential::location)
      .required("username", &BasicCredential::username,
                checked_text("a user's name", "", "shop", check_username),
                "The user name that the client sends.")
      .required("password_hash", &BasicCredential::password_hash,
                checked_text("a password's hash", "^\\$", "'${file:/etc/portcullis/shop.hash}'",
                             check_password_hash),
                "The hash of the password, by bcrypt, yescrypt, argon2 or SHA-crypt; `portcullis "
                "hash-password` makes it.");
  return basic;
}

Type<SigningKey> signing_key_type() {
  auto signing = std::make_shared<ObjectType<SigningKey>>("signing_key", "A key for `hmac_auth`.");
  signing->locate(&SigningKey::location)
      .required("id", &SigningKey::id, checked_text("a word", "", "shop-2026", check_word),
                "The `keyid` of the signatures that the key makes.")
      .optional("algorithm", &SigningKey::algorithm,
                checked_text("a signature algorithm", "", "ed25519", check_signature_name),
                "`hmac-sha256`, `rsa-pss-sha512`, `rsa-v1_5-sha256`, `ecdsa-p256-sha256`, "
                "`ecdsa-p384-sha384` or `ed25519`.")
      .optional("secret", &SigningKey::secret, secret(text("'${file:/etc/portcullis/shop.secret}'")),
                "The shared secret of `hmac-sha256`, at least 32 bytes. It is best a `${file:...}` or "
                "`${VARIABLE}`.")
      .optional("public_key", &SigningKey::public_key, text("'${file:/etc/portcullis/shop.pem}'"),
                "The public key, in PEM, for the algorithms other than `hmac-sha256`.");
  return signing;
}

Type<CertificateCredential> certificate_type() {
  auto certificate = std::make_shared<ObjectType<CertificateCredential>>(
      "certificate_credential",
      "A client certificate for `mtls`, which is recognised by one of `fingerprint`, `subject`, `dns_name`, "
      "`uri` and `email`.");
  certificate->locate(&CertificateCredential::location)
      .optional("name", &CertificateCredential::name, name_type(),
                "The name of the certificate in the log and in `x-consumer-credential`.")
      .optional(
          "fingerprint", &CertificateCredential::fingerprint,
          checked_text("a fingerprint", "", "'${file:/etc/portcullis/shop.fingerprint}'", check_fingerprint),
          "The SHA-256 of the certificate, as `openssl x509 -noout -fingerprint -sha256` prints it.")
      .optional("subject", &CertificateCredential::subject,
                checked_text("a subject", "", "'CN=shop,O=Example'", check_value),
                "The subject of the certificate in the form of RFC 2253: `CN=shop,O=Example`.")
      .optional("dns_name", &CertificateCredential::dns_name,
                checked_text("a name", "", "shop.example.org", check_word),
                "A DNS name among the alternative names of the certificate.")
      .optional("uri", &CertificateCredential::uri,
                checked_text("an address", "", "spiffe://example.org/shop", check_word),
                "A URI among the alternative names of the certificate, such as `spiffe://example.org/shop`.")
      .optional("email", &CertificateCredential::email,
                checked_text("an address", "", "shop@example.org", check_word),
                "An e-mail address among the alternative names of the certificate.");
  return certificate;
}

Type<Credentials> credentials_type() {
  auto credentials = std::make_shared<ObjectType<Credentials>>(
      "credentials", "Credentials by which requests of this consumer are recognised.");
  credentials
      ->optional("keys", &Credentials::keys, one_or_list_of<ApiKey>(shorthand(api_key_type(), "hash")),
                 "API keys for `key_auth`. With several keys, one can be replaced without an interruption.")
      .optional("basic", &Credentials::basic, one_or_list_of<BasicCredential>(basic_type()),
                "Names and passwords for `basic_auth`.")
      .optional("jwt_subject", &Credentials::jwt_subject,
                one_or_list_of<std::string>(checked_text("a subject", "", "auth0|42", check_value)),
                "For `jwt` and `oauth2_introspection`: the value of the claim that names the consumer "
                "(`consumer_claim`).")
      .optional("signing_keys", &Credentials::signing_keys, one_or_list_of<SigningKey>(signing_key_type()),
                "Keys for `hmac_auth`.")
      .optional("certificates", &Credentials::certificates,
                one_or_list_of<CertificateCredential>(certificate_type()), "Client certificates for `mtls`.");
  return credentials;
}

}  // namespace

Type<Consumer> consumer_type() {
  auto consumer = std::make_shared<ObjectType<Consumer>>("consumer", "A named caller.");
  consumer->locate(&Consumer::location)
      .required("name", &Consumer::name, name_type(),
                "The name of the consumer in logs, metrics and `x-consumer-name`.")
      .optional("groups", &Consumer::groups,
                list_of<std::string>(checked_text("a word", "", "staff", check_word)),
                "Groups of the consumer, for conditions such as those of `acl`, and for the backend in "
                "`x-consumer-groups`.")
      .optional(
          "metadata", &Consumer::metadata,
          text_map([](const std::string& text) { return check_word(text); }, "{team: orders}", check_value),
          "Names and values of your choice for texts with variables: `{consumer.metadata.KEY}`.")
      .optional("plan", &Consumer::plan, text("gold"),
                "The name of the consumer's usage plan, for the policy `usage_plan`.")
      .locate_last(&Consumer::plan_location)
      .optional("credentials", &Consumer::credentials, credentials_type(),
                "Credentials by which requests of this consumer are recognised.")
      .default_in_words("none");
  add_labels(*consumer);
  return consumer;
}

Type<Plan> plan_type(const PolicyCatalog& limiting) {
  const Type<std::vector<PolicyUse>> policies = policy_list(limiting);
  const std::string limits = names_with(limiting, &PolicyTraits::limits_consumers);
  auto api = std::make_shared<ObjectType<PlanApi>>("api", "Limits for some routes.");
  api->locate(&PlanApi::location)
      .required("routes", &PlanApi::routes, list_of<std::string>(text("orders")), "The names of the routes.")
      .required("policies", &PlanApi::policies, policies,
                "Policies that limit each consumer on these routes together: " + limits + ".");
  auto plan = std::make_shared<ObjectType<Plan>>(
      "plan", "A usage plan: limits for the consumers that have the plan.");
  plan->locate(&Plan::location)
      .required("name", &Plan::name, name_type(), "The name of the plan, to which consumers refer.")
      .optional("policies", &Plan::policies, policies,
                "Policies that limit each consumer on all routes with `usage_plan` together: " + limits + ".")
      .optional("apis", &Plan::apis, list_of<PlanApi>(api), "Further limits for some routes.");
  add_labels(*plan);
  return plan;
}

void check_consumers(const SharedList<Consumer>& consumers, const SharedList<Plan>& plans,
                     const std::vector<std::string_view>& routes, Diagnostics& diagnostics) {
  refuse_duplicate_names(plans, "plan", diagnostics);
  const std::vector<std::string_view> known = list_names(plans);
  for (const Consumer& consumer : consumers)
    diagnostics.refuse_unknown("plan", consumer.plan, known, consumer.plan_location);
  for (const Plan& plan : plans) {
    for (const PlanApi& api : plan.apis) {
      for (const std::string& route : api.routes)
        diagnostics.refuse_unknown("route", route, routes, api.location);
    }
  }
}

}  // namespace portcullis::config

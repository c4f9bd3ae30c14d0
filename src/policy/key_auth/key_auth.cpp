#include "policy/key_auth/key_auth.h"

#include "base/text.h"
#include "config/field_types.h"
#include "http/query.h"
#include "policy/authentication.h"

namespace portcullis::policy {
namespace {

enum class Credential { kHide, kPass };

struct Settings : AuthenticationSettings {
  std::string header = "x-api-key";
  std::string scheme;
  std::string query;
  std::string cookie;
  Credential credential = Credential::kHide;
};

class KeyAuth final : public Authentication {
 public:
  KeyAuth(const Settings& settings, const BuildContext& build)
      : Authentication(settings, build), settings_(settings) {
    challenge_ = settings_.scheme.empty() ? "ApiKey" : settings_.scheme;
  }

  bool presented(const Context& context) const override { return find(context).has_value(); }
  std::string_view challenge() const override { return challenge_; }
  std::string_view missing_reason() const override { return "key_missing"; }

  Decision authenticate(Context& context) const override {
    const std::string_view key = *find(context);
    if (key.size() > kLongestKey) return unauthorized(context, challenge_, "key_too_long");
    const identity::ApiKey* known = consumers().by_key(crypto::sha256(key));
    if (known == nullptr) return unauthorized(context, challenge_, "key_unknown");
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (known->expired(now)) return unauthorized(context, challenge_, "key_expired");
    context.caller = {known->consumer, known->name, nullptr, true};
    if (settings_.credential == Credential::kHide) hide(context);
    return Decision::proceed();
  }

 private:
  // The first place that has one wins: header, query, cookie.
  std::optional<std::string_view> find(const Context& context) const {
    if (!settings_.header.empty()) {
      for (const http::Field& field : context.request.fields) {
        if (!equals_ignoring_case(field.name, settings_.header)) continue;
        if (settings_.scheme.empty()) return field.value;
        if (const auto key = http::after_scheme(field.value, settings_.scheme)) return key;
      }
    }
    if (!settings_.query.empty()) {
      if (const auto key = http::find_query_parameter(context.request.query, settings_.query, context.arena))
        return key;
    }
    if (!settings_.cookie.empty()) return http::find_cookie(context.request.fields, settings_.cookie);
    return std::nullopt;
  }

  // Every place is cleared, so that nothing depends on which one was read.
  void hide(Context& context) const {
    http::RequestHead& request = context.request;
    if (!settings_.header.empty()) request.fields.remove(settings_.header);
    if (!settings_.query.empty()) http::remove_query_parameter(request, settings_.query, context.arena);
    if (!settings_.cookie.empty()) http::remove_cookie(request.fields, settings_.cookie, context.arena);
  }

  static constexpr size_t kLongestKey = 1024;

  Settings settings_;
  std::string challenge_;
};

}  // namespace

Kind key_auth_kind() {
  auto type = std::make_shared<config::ObjectType>(
      "key_auth",
      "Tells the consumer by a key in the request: 401 for one that is unknown or has expired. Only the keys' "
      "hashes are configured.");
  const auto name = [](const char* what) {
    return config::checked_text(what, "", [](const std::string& text) -> std::string {
      return text.find_first_of(" \t\r\n:;=&") == std::string::npos ? "" : "`" + text + "` is not a name";
    });
  };
  type->optional("header", &Settings::header, name("a header's name"), "x-api-key",
                 "The header that holds the key; empty: none.")
      .optional("scheme", &Settings::scheme, name("a scheme"), "none",
                "A word before the key in the header, as in `authorization` with `Bearer`.")
      .optional("query", &Settings::query, name("a parameter's name"), "none",
                "A query parameter that may hold the key instead.")
      .optional("cookie", &Settings::cookie, name("a cookie's name"), "none",
                "A cookie that may hold the key instead.")
      .optional("credential", &Settings::credential,
                config::choice({{"hide", static_cast<int>(Credential::kHide)},
                                {"pass", static_cast<int>(Credential::kPass)}}),
                "hide", "Whether the backend sees the key: `hide` or `pass`.");
  add_authentication_fields<Settings>(*type);
  return make_kind<Settings, KeyAuth>(
      "key_auth", type,
      [](const config::PolicyUse&, const Settings& settings, const config::Config& config,
         config::Diagnostics& diagnostics) { check_authentication(settings, config, diagnostics); });
}

}  // namespace portcullis::policy

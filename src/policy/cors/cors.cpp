#include "policy/cors/cors.h"

#include "base/text.h"

namespace portcullis::policy::cors {
namespace {

struct Settings {
  std::vector<std::string> origins;
  std::vector<std::string> methods;
  std::vector<std::string> headers;
  std::vector<std::string> expose;
  bool credentials = false;
  std::chrono::milliseconds max_age{600'000};
};

std::string check_origin(const std::string& origin) {
  if (origin == "*") return "";
  const size_t scheme = origin.find("://");
  const bool good = scheme != std::string::npos && scheme > 0 && origin.size() > scheme + 3 &&
                    origin.find('/', scheme + 3) == std::string::npos;
  return good
             ? ""
             : "`" + origin + "` is not an origin: write https://app.example.com, https://*.example.com or *";
}

std::string check_word(const std::string& word) {
  const bool good = !word.empty() && word.find_first_of(" ,\r\n\t") == std::string::npos;
  return good ? "" : "`" + word + "` is not one name";
}

class Cors final : public Policy {
 public:
  explicit Cors(const Settings& settings)
      : origins_(settings.origins),
        methods_(join(settings.methods)),
        headers_(join(settings.headers)),
        expose_(join(settings.expose)),
        max_age_(std::to_string(settings.max_age.count() / 1000)),
        credentials_(settings.credentials) {
    for (const std::string& origin : origins_) any_origin_ |= origin == "*";
  }

  bool answers_preflight() const override { return true; }

  Decision on_request(Context& context) const override {
    const http::Fields& fields = context.request.fields;
    const std::string_view wanted = fields.value_of("access-control-request-method");
    if (context.request.method != "OPTIONS" || wanted.empty() || fields.value_of("origin").empty())
      return Decision::proceed();
    http::ResponseHead& response = context.response;
    response.status = 204;
    // on_response adds the origin; without its consent the browser stops here.
    if (admits(fields.value_of("origin"))) {
      response.fields.add("access-control-allow-methods", methods_);
      const std::string_view asked = fields.value_of("access-control-request-headers");
      const std::string_view named = headers_ == "*" && credentials_ ? asked : std::string_view(headers_);
      if (!named.empty()) response.fields.add("access-control-allow-headers", named);
      response.fields.add("access-control-max-age", max_age_);
    }
    return Decision::answer("");
  }

  void on_response(Context& context) const override {
    http::Fields& fields = context.response.fields;
    for (const std::string_view name : {"access-control-allow-origin", "access-control-allow-credentials"})
      fields.remove(name);  // the gateway's word counts, not the backend's
    const bool same_for_all = any_origin_ && !credentials_;
    if (!same_for_all) fields.add("vary", "Origin");
    const std::string_view origin = context.request.fields.value_of("origin");
    if (origin.empty() || !admits(origin)) return;
    fields.add("access-control-allow-origin", same_for_all ? std::string_view("*") : origin);
    if (credentials_) fields.add("access-control-allow-credentials", "true");
    if (!expose_.empty()) fields.set("access-control-expose-headers", expose_);
  }

 private:
  bool admits(std::string_view origin) const {
    for (const std::string& pattern : origins_) {
      if (pattern == "*" || equals_ignoring_case(pattern, origin)) return true;
      const size_t star = pattern.find("://*.");
      if (star == std::string::npos) continue;
      // The star stands for one name or more below the domain.
      const std::string_view scheme = std::string_view(pattern).substr(0, star + 3);
      const std::string_view domain = std::string_view(pattern).substr(star + 4);
      if (origin.size() > scheme.size() + domain.size() &&
          equals_ignoring_case(origin.substr(0, scheme.size()), scheme) &&
          equals_ignoring_case(origin.substr(origin.size() - domain.size()), domain)) {
        return true;
      }
    }
    return false;
  }

  std::vector<std::string> origins_;
  std::string methods_;
  std::string headers_;
  std::string expose_;
  std::string max_age_;
  bool credentials_;
  bool any_origin_ = false;
};

}  // namespace

Kind kind() {
  const auto words = config::list_of<std::string>(config::checked_text("a name", "", check_word));
  auto type = std::make_shared<config::ObjectType>("cors",
                                                   "Cross-origin resource sharing: answers preflights, also "
                                                   "on routes without OPTIONS, and marks responses.");
  type->required("origins", &Settings::origins,
                 config::list_of<std::string>(config::checked_text("an origin", "", check_origin)),
                 "Origins admitted: `https://app.example.com`, `https://*.example.com` or `*`.")
      .optional("methods", &Settings::methods, words, "none", "Methods that a preflight admits.")
      .optional("headers", &Settings::headers, words, "none", "Request fields that a preflight admits.")
      .optional("expose", &Settings::expose, words, "none", "Response fields that scripts may read.")
      .optional("credentials", &Settings::credentials, config::boolean(), "false",
                "Whether cookies and authorization may be sent.")
      .optional("max_age", &Settings::max_age, config::duration(), "10m",
                "How long a preflight's answer holds.");
  return make_kind<Settings, Cors>("cors", type);
}

}  // namespace portcullis::policy::cors

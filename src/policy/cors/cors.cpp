#include "policy/cors/cors.h"

#include <algorithm>

#include "base/text.h"
#include "http/characters.h"
#include "http/combined_value.h"
#include "policy/cors/origin.h"

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

bool contains_star(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "*") != words.end();
}

// The methods that browsers convert to upper case, however the script wrote them (Fetch standard, "normalize
// a method").
constexpr std::string_view kNormalized[] = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"};

std::string check_method(const std::string& method) {
  if (!http::is_token_text(method)) return "`" + method + "` is not a method";
  for (const std::string_view normal : kNormalized) {
    if (method != normal && equals_ignoring_case(method, normal))
      return "`" + method + "` allows no request, because browsers write " + std::string(normal);
  }
  return "";
}

std::string check_field(const std::string& name) {
  return http::is_token_text(name) ? "" : "`" + name + "` is not a header's name";
}

class Cors final : public Policy {
 public:
  explicit Cors(const Settings& settings)
      : origins_(settings.origins),
        methods_(join(settings.methods)),
        headers_(join(settings.headers)),
        expose_(join(settings.expose)),
        max_age_(std::to_string(settings.max_age.count() / 1000)),
        credentials_(settings.credentials),
        any_origin_(contains_star(settings.origins)) {
    // For requests with credentials, browsers do not treat `*` as a wildcard (Fetch standard, "CORS protocol
    // and credentials").
    echoes_method_ = credentials_ && contains_star(settings.methods);
    echoes_headers_ = credentials_ && contains_star(settings.headers);
    exposes_all_ = credentials_ && contains_star(settings.expose);
  }

  // A browser hides the status of an answer that has no CORS fields from the script that asked.
  bool marks_every_answer() const override { return true; }
  void add_reads(RequestReads& reads) const override {
    for (const char* name : {"origin", "access-control-request-method"})
      reads.add({.part = RequestReads::Part::kHeader, .name = name, .method = "OPTIONS"});
  }

  Decision on_request(Context& context) const override {
    const http::Fields& fields = context.request.fields;
    const std::string_view wanted = fields.value_of("access-control-request-method");
    if (context.request.method != "OPTIONS" || wanted.empty() || fields.value_of("origin").empty())
      return Decision::proceed();
    http::ResponseHead& response = context.response;
    response.status = 204;
    // `on_response` adds Access-Control-Allow-Origin; without that field the browser does not send the
    // request.
    if (admits(fields.value_of("origin"))) {
      response.fields.add("access-control-allow-methods",
                          echoes_method_ ? wanted : std::string_view(methods_));
      const std::string_view named =
          echoes_headers_
              ? http::combined_value(fields, "access-control-request-headers", ", ", context.arena)
              : std::string_view(headers_);
      if (!named.empty()) response.fields.add("access-control-allow-headers", named);
      response.fields.add("access-control-max-age", max_age_);
    }
    return Decision::answer("");
  }

  Decision on_response(Context& context) const override {
    http::Fields& fields = context.response.fields;
    for (const std::string_view name : {"access-control-allow-origin", "access-control-allow-credentials"})
      fields.remove(name);  // the gateway's CORS fields replace those of the backend
    const bool same_for_all = any_origin_ && !credentials_;
    if (!same_for_all) add_vary(fields);
    const std::string_view origin = context.request.fields.value_of("origin");
    if (origin.empty() || !admits(origin)) return Decision::proceed();
    fields.add("access-control-allow-origin", same_for_all ? std::string_view("*") : origin);
    if (credentials_) fields.add("access-control-allow-credentials", "true");
    if (const std::string_view exposed =
            exposes_all_ ? all_names(fields, context.arena) : std::string_view(expose_);
        !exposed.empty())
      fields.set("access-control-expose-headers", exposed);
    return Decision::proceed();
  }

 private:
  // Adds `Vary: Origin` unless the response has it already.
  static void add_vary(http::Fields& fields) {
    bool listed = false;
    for (const http::Field& field : fields) {
      if (field.id != http::FieldId::kVary) continue;
      for_each_list_element(field.value, [&](std::string_view name) {
        listed |= name == "*" || equals_ignoring_case(name, "origin");
      });
    }
    if (!listed) fields.add("vary", "Origin");
  }

  // The names of the response fields, as a list.
  static std::string_view all_names(const http::Fields& fields, Arena& arena) {
    size_t size = 0;
    for (const http::Field& field : fields) size += field.name.size() + 2;
    char* const text = arena.allocate(size, 1);
    char* end = text;
    for (const http::Field& field : fields) {
      if (field.id == http::FieldId::kSetCookie) continue;  // browsers never show Set-Cookie to scripts
      if (end != text) end = std::copy_n(", ", 2, end);
      end = std::copy(field.name.begin(), field.name.end(), end);
    }
    return {text, static_cast<size_t>(end - text)};
  }

  bool admits(std::string_view origin) const {
    for (const std::string& pattern : origins_) {
      if (pattern == "*" || equals_ignoring_case(pattern, origin)) return true;
      const size_t star = pattern.find("://*.");
      if (star == std::string::npos) continue;
      // The star matches one or more labels below the domain.
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
  bool any_origin_;
  bool echoes_method_;
  bool echoes_headers_;
  bool exposes_all_;
};

}  // namespace

Kind kind() {
  const auto fields =
      config::list_of<std::string>(config::checked_text("a header's name", "", "x-request-id", check_field));
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "cors",
      "Cross-origin resource sharing: answers preflights, also on routes without OPTIONS, and adds the "
      "fields of CORS to responses, also to refusals by the gateway.");
  type->required(
          "origins", &Settings::origins,
          config::list_of<std::string>(
              config::checked_text("an origin", "", "https://app.example.com", check_origin)),
          "Origins whose scripts may use the API: `https://app.example.com`, `https://*.example.com` or `*`.")
      .optional("methods", &Settings::methods,
                config::list_of<std::string>(config::checked_text("a method", "", "PUT", check_method)),
                "Methods that scripts may use beyond those that need no preflight; `*`: all.")
      .optional("headers", &Settings::headers, fields,
                "Request fields that scripts may set beyond those that need no preflight; `*`: all.")
      .optional("expose", &Settings::expose, fields, "Response fields that scripts may read; `*`: all.")
      .optional("credentials", &Settings::credentials, config::boolean(),
                "Whether browsers may send cookies and `Authorization`.")
      .optional("max_age", &Settings::max_age, config::duration(),
                "How long browsers may remember the answer to a preflight.");
  return make_kind<Settings, Cors>("cors", type).with_traits({.answers_preflights = true});
}

}  // namespace portcullis::policy::cors

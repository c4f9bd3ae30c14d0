#include "policy/redirect/redirect.h"

#include "policy/template.h"

namespace portcullis::policy::redirect {
namespace {

enum class Code {
  kMovedPermanently = 301,
  kFound = 302,
  kSeeOther = 303,
  kTemporary = 307,
  kPermanent = 308
};

struct Settings {
  std::string to;
  Code status = Code::kPermanent;
  bool keep_query = true;
};

class Redirect final : public Policy {
 public:
  explicit Redirect(const Settings& settings)
      : to_(settings.to), status_(static_cast<uint16_t>(settings.status)), keep_query_(settings.keep_query) {}

  Decision on_request(Context& context) const override {
    std::string_view location = to_.expand(context);
    if (keep_query_ && context.request.has_query) {
      const bool has_one = location.find('?') != std::string_view::npos;
      location = context.arena.concat(location, has_one ? "&" : "?", context.request.query);
    }
    context.response.status = status_;
    context.response.fields.add("location", location);
    return Decision::answer("");
  }

 private:
  Template to_;
  uint16_t status_;
  bool keep_query_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType>("redirect", "Answers with a redirection.");
  type->required("to", &Settings::to, config::checked_text("text with variables", "", Template::check),
                 "The new location, as `https://{request.host}{request.path}`.")
      .optional("status", &Settings::status,
                config::choice({{"301", 301}, {"302", 302}, {"303", 303}, {"307", 307}, {"308", 308}}), "308",
                "The status code.")
      .optional("keep_query", &Settings::keep_query, config::boolean(), "true",
                "Whether the request's query is appended.");
  return make_kind<Settings, Redirect>("redirect", type);
}

}  // namespace portcullis::policy::redirect

#include "policy/respond/respond.h"

#include "config/field_types.h"

namespace portcullis::policy::respond {
namespace {

struct Settings {
  uint64_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class Respond final : public Policy {
 public:
  explicit Respond(const Settings& settings) : settings_(settings) {}

  Decision on_request(Context& context) const override {
    context.response.status = static_cast<uint16_t>(settings_.status);
    if (!settings_.body.empty()) context.response.fields.add("content-type", settings_.content_type);
    return Decision::answer(settings_.body);
  }

 private:
  Settings settings_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>("respond", "Answers with a fixed response.");
  type->optional("status", &Settings::status, config::integer(200, 599), "The status code.")
      .optional("content_type", &Settings::content_type, config::media_type(), "The media type of the body.")
      .optional("body", &Settings::body, config::text("ok"), "The body.");
  return make_kind<Settings, Respond>("respond", type).with_traits({.answers_all = true});
}

}  // namespace portcullis::policy::respond

#include "policy/headers/headers.h"

#include "config/settable_fields.h"
#include "policy/template.h"

namespace portcullis::policy::headers {
namespace {

struct Changes {
  config::TextMap set;
  config::TextMap add;
  std::vector<std::string> remove;
};

struct Settings {
  Changes request;
  Changes response;
};

class Headers final : public Policy {
 public:
  explicit Headers(const Settings& settings) : request_(settings.request), response_(settings.response) {}

  Decision on_request(Context& context) const override {
    return request_.apply(context.request.fields, context) ? Decision::proceed()
                                                           : Decision::refuse(kEnds.too_many_fields);
  }
  void add_reads(RequestReads& reads) const override {
    for (const Compiled* changes : {&request_, &response_}) {
      for (const auto* steps : {&changes->set, &changes->add}) {
        for (const Step& step : *steps) step.value.add_reads(reads, RequestReads::Use::kCopied);
      }
    }
  }
  Decision on_response(Context& context) const override {
    response_.apply(context.response.fields, context);
    return Decision::proceed();
  }

 private:
  struct Step {
    std::string name;
    Template value;
  };
  struct Compiled {
    explicit Compiled(const Changes& changes) : remove(changes.remove) {
      for (const auto& [name, value] : changes.set) set.push_back({name, Template(value)});
      for (const auto& [name, value] : changes.add) add.push_back({name, Template(value)});
    }
    // False when the head has no room left.
    bool apply(http::Fields& fields, Context& context) const {
      bool room = true;
      for (const std::string& name : remove) fields.remove_all_spellings(name);
      // The value is expanded before the old field is removed, so that a field may be set from its own value.
      for (const Step& step : set) {
        const std::string_view value = step.value.expand(context);
        fields.remove_all_spellings(step.name);
        room = fields.add(step.name, value) && room;
      }
      for (const Step& step : add) room = fields.add(step.name, step.value.expand(context)) && room;
      return room;
    }
    std::vector<std::string> remove;
    std::vector<Step> set;
    std::vector<Step> add;
  };

  Compiled request_;
  Compiled response_;
};

}  // namespace

namespace {

config::Type<Changes> changes_type(std::string (*check)(const std::string&),
                                   std::string (*check_value)(const std::string&)) {
  auto changes = std::make_shared<config::ObjectType<Changes>>(
      "changes", "Changes to the header fields: first `remove`, then `set`, then `add`.");
  changes
      ->optional("set", &Changes::set,
                 config::variables_map(check, "{x-client: '{client.address}'}", check_value),
                 "Fields that exist exactly once afterwards, with this value.")
      .optional("add", &Changes::add,
                config::variables_map(check, "{x-client: '{client.address}'}", check_value),
                "Fields that are added to those that exist already.")
      .optional("remove", &Changes::remove,
                config::list_of<std::string>(config::checked_text("a field name", "", "x-debug", check)),
                "Names of fields that are removed.");
  return changes;
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "headers", "Sets, adds and removes header fields on the request and on the response.");
  type->optional("request", &Settings::request, changes_type(config::check_request_field, Template::check),
                 "Changes to the request, on its way to the upstream.")
      .optional("response", &Settings::response,
                changes_type(config::check_response_field, Template::check_response),
                "Changes to the response, on its way to the client.");
  return with_insight<Settings>(
      make_kind<Settings, Headers>("headers", type),
      [](const Settings& settings, const config::PolicyUse& use) {
        Insight out;  // changes of the response are left out, because the caller is always known by then
        for (const config::TextMap* texts : {&settings.request.set, &settings.request.add}) {
          for (const auto& [name, text] : *texts) out.add_reads(Template(text).caller_reads(), use.location);
        }
        return out;
      });
}

}  // namespace portcullis::policy::headers

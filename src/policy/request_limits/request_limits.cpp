#include "policy/request_limits/request_limits.h"

#include "policy/request_limits/reasons.h"

namespace portcullis::policy::request_limits {
namespace {

struct Settings {
  uint64_t body_size = 0;
  uint64_t query_length = 0;
  uint64_t field_count = 0;
};

class RequestLimits final : public Policy {
 public:
  explicit RequestLimits(const Settings& settings) : settings_(settings) {}

  Decision on_request(Context& context) const override {
    const http::RequestHead& request = context.request;
    if (settings_.query_length != 0 && request.query.size() > settings_.query_length)
      return Decision::refuse(kReasons.query_too_long);
    if (settings_.field_count != 0 && request.fields.size() > settings_.field_count)
      return Decision::refuse(kEnds.too_many_fields);
    if (settings_.body_size != 0) {
      if (request.body.has_length() && request.body.length > settings_.body_size)
        return Decision::refuse(kEnds.body_too_large);
      // The bytes of a body of unknown length are counted while the body is forwarded.
      if (context.request_body.limit == 0 || context.request_body.limit > settings_.body_size)
        context.request_body.limit = settings_.body_size;
    }
    return Decision::proceed();
  }

 private:
  Settings settings_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "request_limits",
      "Refuses requests that are too large for this route. The limits of the listener apply too.");
  type->optional("body_size", &Settings::body_size, config::size(),
                 "Max size of the body; beyond it: 413. 0: no limit.")
      .optional("query_length", &Settings::query_length, config::size(),
                "Max length of the query; beyond it: 414. 0: no limit.")
      .optional("field_count", &Settings::field_count, config::integer(0, 112),
                "Max number of header fields; beyond it: 431. 0: no limit.");
  return make_kind<Settings, RequestLimits>("request_limits", type).with_reasons(kReasons);
}

}  // namespace portcullis::policy::request_limits

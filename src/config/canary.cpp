#include "config/canary.h"

#include "config/value_types.h"
#include "config/variable_examples.h"
#include "variables/text.h"

namespace portcullis::config {
namespace {

using variables::Moment;
using variables::Use;

// What is wrong with the key by which requests are told apart, or "".
std::string check_key(const std::string& text) {
  if (text == "client" || text == "consumer") return "";
  if (text.find('{') == std::string::npos)
    return "`" + text +
           "` is no key of a canary: expected `client`, `consumer`, or a text with variables such as "
           "`{request.header.x-user}`";
  const auto pieces = variables::parse_text(text, Use::kText, Moment::kRequest);
  return pieces ? "" : pieces.error().message;
}

Type<proxy::CanaryWithdrawal> withdrawal_type() {
  auto rules = std::make_shared<ObjectType<proxy::CanaryWithdrawal>>(
      "canary_withdrawal", "Withdraws the canary when too many of its requests fail.");
  rules
      ->optional("errors_above", &proxy::CanaryWithdrawal::errors_above, fine_share(),
                 "The canary is withdrawn when a larger share of its responses than this has a status of 500 "
                 "or more.")
      .optional("min_requests", &proxy::CanaryWithdrawal::min_requests, integer(1, 1'000'000'000),
                "A canary with fewer requests is not judged.");
  return rules;
}

}  // namespace

Type<Canary> canary_type() {
  auto canary = std::make_shared<ObjectType<Canary>>(
      "canary", "A share of the requests that a new revision serves before it takes all of them.");
  canary->locate(&Canary::location)
      .optional("share", &Canary::share, fine_share(), "The share of requests that the new revision serves.")
      .optional(
          "nodes", &Canary::nodes, integer(1, 1'000),
          "In place of `share`: the nodes of a cluster serve the new revision one after the other, each "
          "with all of its requests, and so many more after each `for`.")
      .optional("by", &Canary::by, key_with_variables("a key", "client", check_key, {"client", "consumer"}),
                "Requests with the same key are served by the same revision: those of one `client` address "
                "(IPv6: of one /64), of one `consumer`, or those for which a text such as "
                "`{request.header.x-user}` is the same. A request without a key is served by the revision in "
                "force.")
      .required("for", &Canary::for_time, duration(),
                "How long the canary lasts; with `nodes`, how long each step lasts.")
      .optional(
          "promote", &Canary::promote, boolean(),
          "Whether the revision takes all requests at the end. Otherwise it is withdrawn. The default is "
          "true with `nodes`, and false with `share`.")
      .default_in_words("true with `nodes`")
      .optional("withdraw_when", &Canary::withdraw_when, withdrawal_type(),
                "Withdraws the canary when too many of its requests fail.");
  return canary;
}

}  // namespace portcullis::config

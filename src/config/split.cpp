#include "config/split.h"

#include "config/field_types.h"
#include "config/upstream.h"
#include "config/variable_examples.h"

namespace portcullis::config {

Type<Branch> branch_type() {
  auto rollback = std::make_shared<ObjectType<Rollback>>(
      "rollback", "Stops sending requests to a branch when too many of its requests fail.");
  rollback->locate(&Rollback::location)
      .required("error_share", &Rollback::error_share, percent(),
                "Share of failed requests in an interval after which the branch gets no more requests.")
      .optional("status", &Rollback::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Statuses of responses that count as failures, also of responses of the gateway itself. A "
                "body that ends early counts as a failure too.")
      .optional("min_requests", &Rollback::min_requests, integer(1, 1'000'000),
                "An interval with fewer requests does not lead to a rollback.")
      .optional("interval", &Rollback::interval, duration(),
                "Length of an interval; counting begins again after it.")
      .optional("hold", &Rollback::hold, duration(),
                "How long the branch gets no requests. Without this setting: until "
                "`/v1/splits/{route}/resume` of the "
                "admin API, a restart, or a change of the branch's `upstream`, `subset` or `rollback`.")
      .default_in_words("for good");
  auto branch = std::make_shared<ObjectType<Branch>>(
      "branch", "A branch: a part of the requests of the route, and the upstream for it.");
  branch->locate(&Branch::location)
      .optional("name", &Branch::name, name_type(), "The name of the branch in logs and metrics.")
      .default_in_words("the name of the upstream")
      .required("upstream", &Branch::upstream, text("orders-canary"),
                "The name of the upstream that answers.")
      .locate_last(&Branch::upstream_location)
      .optional("subset", &Branch::subset, metadata_type(),
                "Only targets with this metadata, as `{version: v2}`.")
      .default_in_words("all")
      .optional("weight", &Branch::weight, integer(0, 1'000'000),
                "The share of this branch in the requests that no `when` has selected, relative to the "
                "weights of the other branches.")
      .default_in_words("1; with `when`: 0")
      .optional("when", &Branch::when,
                checked_text("text", "", "request.header.x-canary exists", any_text,
                             variable_examples(VariableForm::kCondition, variables::Moment::kRequest)),
                "A condition such as `request.header.x-canary exists` or `consumer.groups = beta`. A request "
                "goes to the first branch whose condition holds.")
      .locate_last(&Branch::when_location)
      .optional("rollback", &Branch::rollback, rollback,
                "Stops sending requests to the branch when too many of its requests fail.");
  return branch;
}

Type<SplitSticky> split_sticky_type() {
  auto sticky = std::make_shared<ObjectType<SplitSticky>>(
      "split_sticky",
      "Keeps each client with its branch, by a cookie or a key. When weights change, only as many clients "
      "move as necessary.");
  sticky->locate(&SplitSticky::location)
      .optional("cookie", &SplitSticky::cookie,
                checked_text("a cookie's name", "", "place", check_cookie_name),
                "The name of a cookie that the gateway sets. Its value is random and determines the branch; "
                "targets get the cookie too.")
      .optional("ttl", &SplitSticky::ttl, duration(),
                "How long the browser keeps the cookie after it was set.")
      .default_in_words("until the browser is closed")
      .optional("key", &SplitSticky::key,
                key_with_variables("text", "'{request.header.x-user}'", any_text, {"caller"}),
                "In place of a cookie: the text from which the branch is computed, such as `caller` or "
                "`{request.header.x-user}`. The result is the same on all nodes.")
      .locate_last(&SplitSticky::key_location);
  return sticky;
}

}  // namespace portcullis::config

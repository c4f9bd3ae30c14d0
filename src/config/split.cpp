#include "config/split.h"

#include "config/field_types.h"
#include "config/upstream.h"

namespace portcullis::config {

Type<Branch> branch_type() {
  auto rollback = std::make_shared<ObjectType<Rollback>>(
      "rollback", "Takes a branch out by itself when too many of its requests fail.");
  rollback->locate(&Rollback::location)
      .required("error_share", &Rollback::error_share, percent(),
                "When so many of an interval's requests have failed, the branch gets no more.")
      .optional("status", &Rollback::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Answers that count as failures, the gateway's own among them; so does a body that ends "
                "early.")
      .optional("min_requests", &Rollback::min_requests, integer(1, 1'000'000),
                "With fewer in an interval nothing is judged.")
      .optional("interval", &Rollback::interval, duration(), "After it, counting begins anew.")
      .optional("hold", &Rollback::hold, duration(),
                "How long the branch stays out. Without it: until the admin API's `/splits/resume`, a "
                "restart, or a change of the branch's `upstream`, `subset` or `rollback`.")
      .default_in_words("for good");
  auto branch =
      std::make_shared<ObjectType<Branch>>("branch", "A part of a route's requests, and who answers it.");
  branch->locate(&Branch::location)
      .optional("name", &Branch::name, name_type(), "Its name in logs and metrics.")
      .default_in_words("the upstream's")
      .required("upstream", &Branch::upstream, text("orders-canary"),
                "The name of the upstream that answers.")
      .locate_last(&Branch::upstream_location)
      .optional("subset", &Branch::subset, metadata_type(),
                "Only targets with this metadata, as `{version: v2}`.")
      .default_in_words("all")
      .optional("weight", &Branch::weight, integer(0, 1'000'000),
                "Its share of the requests that no `when` has taken, beside the others'.")
      .default_in_words("1; with `when`: 0")
      .optional("when", &Branch::when, text("header.x-canary exists"),
                "A condition such as `header.x-canary exists` or `group = beta`: requests for which it holds "
                "go here, the first such branch's.")
      .locate_last(&Branch::when_location)
      .optional("rollback", &Branch::rollback, rollback,
                "Takes the branch out by itself when too many of its requests fail.");
  return branch;
}

Type<SplitSticky> split_sticky_type() {
  auto sticky = std::make_shared<ObjectType<SplitSticky>>(
      "split_sticky",
      "Keeps clients where the weights have put them: each has a place among all, by a cookie or a key. When "
      "weights are changed, only those move whose place another branch has got.");
  sticky->locate(&SplitSticky::location)
      .optional("cookie", &SplitSticky::cookie,
                checked_text("a cookie's name", "", "place", check_cookie_name),
                "A cookie that the gateway sets, and that holds a random place; targets get it too.")
      .optional("ttl", &SplitSticky::ttl, duration(), "How long after it was set the cookie is kept.")
      .default_in_words("until the browser ends")
      .optional("key", &SplitSticky::key, text_with_variables("text", "'{request.header.x-user}'", any_text),
                "Instead of a cookie: what the place is computed from, as `consumer` or "
                "`{request.header.x-user}`, the same on all nodes.")
      .locate_last(&SplitSticky::key_location);
  return sticky;
}

}  // namespace portcullis::config

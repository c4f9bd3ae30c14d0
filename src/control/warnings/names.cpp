// Finds names of groups, consumers and routes that do not exist.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "control/warnings/warnings.h"
#include "policy/condition.h"

namespace portcullis::control::warnings {
namespace {

// Calls visit(read, place) for each property of the caller that a condition reads.
template <typename Visit>
void for_each_read(const Facts& facts, Visit visit) {
  facts.for_each_use([&](const PlacedUse& one) {
    for (const policy::Insight::Read& read : one.insight.reads) visit(read.what, read.place);
  });
  for (const config::Route& route : facts.config().routes) {
    for (const config::Branch& branch : route.split) {
      for (const policy::CallerRead& read : policy::Condition(branch.when).caller_reads())
        visit(read, branch.when_location);
    }
  }
}

// Reports each name in `member` of a read that is not among `known`.
void report_unknown(const Facts& facts, std::string policy::CallerRead::*member, const char* what,
                    const std::set<std::string_view>& known, Report& report) {
  for_each_read(facts, [&](const policy::CallerRead& read, const config::Location& place) {
    const std::string& name = read.*member;
    if (name.empty() || known.contains(name)) return;
    report.add(place, what + name + "`" + suggestion_for(name, {known.begin(), known.end()}));
  });
}

// The kinds of credentials that at least one consumer has, by their keys in the configuration.
std::set<std::string_view> held_credentials(const config::Config& config) {
  std::set<std::string_view> held;
  for (const config::Consumer& consumer : config.consumers) {
    if (!consumer.credentials.keys.empty()) held.insert("keys");
    if (!consumer.credentials.basic.empty()) held.insert("basic");
    if (!consumer.credentials.signing_keys.empty()) held.insert("signing_keys");
  }
  return held;
}

}  // namespace

void find_missing_credentials(const Facts& facts, Report& report) {
  const std::set<std::string_view> held = held_credentials(facts.config());
  facts.for_each_use([&](const PlacedUse& one) {
    const std::string& wanted = one.insight.credential;
    if (wanted.empty() || one.insight.admits_anonymous || held.contains(wanted)) return;
    report.add(one.use->location,
               "`" + one.use->name + "` refuses every request: no consumer of `consumers` has `credentials." +
                   wanted + "`");
  });
}

void find_unknown_groups(const Facts& facts, Report& report) {
  std::set<std::string_view> known;
  for (const config::Consumer& consumer : facts.config().consumers)
    known.insert(consumer.groups.begin(), consumer.groups.end());
  report_unknown(facts, &policy::CallerRead::group, "no consumer is in the group `", known, report);
}

void find_unknown_consumers(const Facts& facts, Report& report) {
  std::set<std::string_view> known;
  for (const config::Consumer& consumer : facts.config().consumers) known.insert(consumer.name);
  report_unknown(facts, &policy::CallerRead::consumer, "there is no consumer `", known, report);
}

void find_unknown_routes(const Facts& facts, Report& report) {
  const config::AccessLog& log = facts.config().access_log;
  if (log.except_routes.empty()) return;
  std::set<std::string_view> known;
  for (const config::Route& route : facts.config().routes) known.insert(route.name);
  for (const std::string& name : log.except_routes) {
    if (!known.contains(name))
      report.add(log.path_location, "`except_routes` of the access log names no route: there is no `" + name +
                                        "`" + suggestion_for(name, {known.begin(), known.end()}));
  }
}

}  // namespace portcullis::control::warnings

// The rules of `errors`: how they are read, which errors they match, and how bodies are made.

#include "proxy/error_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "control/error_setup.h"
#include "control/load_config.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {
namespace {

using policy::BodyTemplate;
using policy::Escaping;
using telemetry::kEnds;
using variables::Moment;

const std::string kHead = R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
routes: [{name: r, match: {path_prefix: /}, policies: [{respond: {}}]}]
errors:
)";  // four lines

std::vector<std::string> said(const std::string& rules) {
  config::Diagnostics diagnostics;
  (void)control::load_config_text(kHead + rules, "c", diagnostics);
  std::vector<std::string> out;
  for (const config::Diagnostic& one : diagnostics.sorted()) out.push_back(one.to_string().substr(2));
  return out;
}

// An exchange whose request has been refused.
struct Refused {
  Refused() {
    request.method = "GET";
    request.fields.add("accept", "text/html, */*");
    request.fields.add("x-name", "a\"b<c>\\&'\td\xC3\xA9\xFF");
    context.uri.path = "/shop/cart";
    context.request_id = "id-1";
  }
  std::string expand(const std::string& text, const std::string& type) {
    const policy::ToldError error{404, "no_route", kEnds.no_route};
    context.error = &error;
    EXPECT_EQ(BodyTemplate::check(text, type, Moment::kError), "");
    return std::string(BodyTemplate(text, type, Moment::kError).expand(context));
  }

  EventLoop loop;
  Arena arena;
  http::RequestHead request;
  http::ResponseHead response;
  policy::Context context{loop, arena, request, response};
};

// The index of the rule that is found among `rules`, each on a line, or -1.
int found(const std::string& rules, uint16_t status, const telemetry::EndReason& why) {
  config::Diagnostics diagnostics;
  const auto config = control::load_config_text(kHead + rules, "c", diagnostics);
  EXPECT_TRUE(config) << diagnostics.sorted().at(0).to_string();
  if (!config) return -2;
  const auto compiled = control::compile_errors(*config);
  const Refused refused;
  const ErrorRule* const rule = compiled->find(status, why, refused.context);
  return rule == nullptr ? -1 : static_cast<int>(rule->location.line()) - 5;
}

TEST(ErrorRules, AreReadWithTheirDefaults) {
  config::Diagnostics diagnostics;
  const auto config = control::load_config_text(
      kHead +
          "  - {status: [404, 5xx, 420-425], reason: no_route, respond: {fields: {a: b}, body: x}}\n  - {}\n",
      "c", diagnostics);
  ASSERT_TRUE(config);
  const config::ErrorRule& rule = config->errors.at(0);
  EXPECT_EQ(rule.status, (std::vector<StatusRange>{{404, 404}, {500, 599}, {420, 425}}));
  EXPECT_EQ(rule.reason, std::vector<std::string>{"no_route"});
  EXPECT_EQ(rule.respond.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(rule.respond.fields, (config::TextMap{{"a", "b"}}));
  EXPECT_EQ(rule.location.line(), 5u);
  const config::ErrorRule& empty = config->errors.at(1);
  EXPECT_TRUE(empty.status.empty() && empty.reason.empty() && empty.when.empty() &&
              empty.respond.body.empty() && empty.respond.status == 0);
  EXPECT_EQ(control::compile_errors(config::Config()), nullptr);
}

TEST(ErrorRules, MistakesAreNamedWithTheirPlaces) {
  using Said = std::vector<std::string>;
  EXPECT_EQ(said("  - {reason: [no_rout]}\n"),
            Said{"5:14: error: there is no reason `no_rout` - did you mean `no_route`?"});
  EXPECT_EQ(
      said("  - {respond: {body: '{error.titel}'}}\n"),
      Said{"5:22: error: there is no variable `error.titel` - did you mean `error.title`?; write `{{` for "
           "a brace"});
  EXPECT_EQ(said("  - respond: {content_type: a/json, body: '{{\"a\": {error.detail}}'}\n").size(), 1u);
  EXPECT_EQ(said("  - respond: {content_type: a/json, body: '{{\"a\": \"{error.detail}\", \"b\": "
                 "{error.status}}'}\n"),
            Said{});
}

TEST(ErrorRules, OnesThatAreNeverAskedAreWarnedOf) {
  using Said = std::vector<std::string>;
  EXPECT_EQ(said("  - {status: 404}\n  - {respond: {body: x}}\n  - {status: 5xx}\n"),
            Said{"7:5: warning: the rule is never asked: the rule before it (line 6) takes all errors "
                 "[unreached_error_rule]"});
}

TEST(ErrorRules, TheFirstThatMatchesIsFound) {
  const std::string rules =
      "  - {status: 404, when: request.path under /admin}\n"
      "  - {status: 4xx, reason: [method_not_allowed, no_route]}\n"
      "  - {reason: overloaded}\n"
      "  - {status: 500-502, when: request.header.accept = text/html}\n";
  EXPECT_EQ(found(rules, 404, kEnds.no_route), 1);
  EXPECT_EQ(found(rules, 405, kEnds.method_not_allowed), 1);
  EXPECT_EQ(found(rules, 404, kEnds.body_too_large), -1);
  EXPECT_EQ(found(rules, 503, kEnds.overloaded), 2);
  EXPECT_EQ(found(rules, 502, kEnds.connect_failed), 3);
  EXPECT_EQ(found(rules, 503, kEnds.connect_failed), -1);
  EXPECT_EQ(found(rules + "  - {}\n", 503, kEnds.connect_failed), 4);
}

TEST(ErrorRules, ReadOfARequestWhatTheStatusDependsOn) {
  const auto reads = [](const std::string& rules) {
    config::Diagnostics diagnostics;
    const auto config = control::load_config_text(kHead + rules, "c", diagnostics);
    std::vector<std::string> out;
    const auto compiled = control::compile_errors(*config);
    for (const policy::RequestReads::Read& one : compiled->reads().all()) out.push_back(one.name);
    std::sort(out.begin(), out.end());
    return out;
  };
  using Names = std::vector<std::string>;
  const std::string page = "  - {when: request.header.a exists, respond: {body: x}}\n";
  const std::string status = "  - {when: request.header.b exists, respond: {status: 500}}\n";
  EXPECT_EQ(reads(page), Names{});
  EXPECT_EQ(reads(page + status), (Names{"a", "b"}));
  EXPECT_EQ(reads(status + page), Names{"b"});
}

TEST(BodyTemplates, AreEscapedForTheirType) {
  EXPECT_EQ(policy::escaping_for("application/json"), Escaping::kJson);
  EXPECT_EQ(policy::escaping_for("Application/Problem+JSON; charset=utf-8"), Escaping::kJson);
  EXPECT_EQ(policy::escaping_for("text/html;charset=utf-8"), Escaping::kMarkup);
  EXPECT_EQ(policy::escaping_for("application/xhtml+xml"), Escaping::kMarkup);
  EXPECT_EQ(policy::escaping_for("text/xml"), Escaping::kMarkup);
  EXPECT_EQ(policy::escaping_for("text/plain"), Escaping::kNone);
  EXPECT_EQ(policy::escaping_for("text/javascript"), Escaping::kUnknown);
  EXPECT_EQ(policy::escaping_for("text/notjson"), Escaping::kUnknown);
  Refused refused;
  EXPECT_EQ(refused.expand("\"{request.header.x-name}\"", "application/json"),
            "\"a\\\"b<c>\\\\&'\\td\xC3\xA9\xEF\xBF\xBD\"");
  EXPECT_EQ(refused.expand("<b>{request.header.x-name}", "text/html"),
            "<b>a&quot;b&lt;c&gt;\\&amp;&#39;\td\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(refused.expand("{request.header.x-name}", "text/plain"), "a\"b<c>\\&'\td\xC3\xA9\xFF");
  EXPECT_EQ(refused.expand("{error.status} {error.title}\n{error.detail} {error.reason} {{{request.id}}",
                           "text/plain"),
            "404 Not Found\nno_route no_route {id-1}");
}

TEST(BodyTemplates, AddABoundedAmountOfValues) {
  Refused refused;
  const std::string value(BodyTemplate::kMaxValues / 2, '<');
  refused.request.fields.add("x-long", value);
  // The first value fills the room when it is escaped.
  EXPECT_EQ(
      refused.expand("[{request.header.x-long}{request.header.x-long}{request.id}]", "text/html").size(),
      4 * value.size() + 2);
  EXPECT_EQ(refused.expand("[{request.header.x-long}{request.header.x-long}{request.id}]", "text/plain"),
            "[" + value + value + "]");
  const std::string longer(BodyTemplate::kMaxValues + 1, 'y');
  refused.request.fields.add("x-longer", longer);
  EXPECT_EQ(refused.expand("[{request.header.x-longer}{request.id}]", "text/plain"), "[]");
}

}  // namespace
}  // namespace portcullis::proxy

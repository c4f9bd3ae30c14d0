#include <gtest/gtest.h>

#include <set>

#include "policy/condition.h"
#include "policy/limit_key.h"
#include "policy/template.h"
#include "telemetry/log_format.h"
#include "variables/old_names.h"
#include "variables/text.h"

namespace portcullis::variables {
namespace {

std::string problem_of(std::string_view name, Use use, Moment moment) {
  const auto found = find(name, use, moment);
  return found ? "" : found.error().message;
}

// A name of the variable, with an argument where it is a family.
std::string name_of_one(const Row& row) {
  return std::string(row.name) + (row.is_family() ? "x" : "");
}

// An exchange in which each variable has a value.
struct Exchange {
  Exchange() {
    request.method = "GET";
    request.path = "/A%2fb";
    request.query = "page=a%20b&page=2&line=%0a";
    request.fields.add("x", "one");
    request.fields.add("cookie", "x=crumb");
    response.status = 204;
    response.fields.add("x", "answer");
    consumer.name = "shop";
    consumer.groups = {"beta", "staff"};
    consumer.group_list = "beta,staff";
    context.revision = "7";
    context.uri.host = "a.test";
    context.uri.path = "/a";
    context.client.address = "192.0.2.1";
    context.request_id = "id-1";
    context.route.name = "orders";
    context.route.upstream = "backend";
    context.route.branch = "beta";
    context.caller.consumer = &consumer;
    context.caller.credential = "key-1";
    context.caller.claims = identity::Claims::parse(R"({"scope":"read write","x":["a","b"]})");
    certificate.subject = "CN=subject";
    certificate.issuer = "CN=issuer";
    certificate.serial = "01";
    certificate.fingerprint = "ff";
    context.client.certificate = &certificate;
  }
  std::string expand(const std::string& text) { return std::string(policy::Template(text).expand(context)); }
  bool holds(const std::string& condition) { return policy::Condition(condition).holds(context); }

  EventLoop loop;
  Arena arena;
  http::RequestHead request;
  http::ResponseHead response;
  identity::Consumer consumer;
  tls::PeerCertificate certificate;
  policy::Context context{loop, arena, request, response};
};

TEST(ExchangeVariables, EachRowIsFoundByItsName) {
  std::set<std::string_view> names;
  for (const Row& row : all()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_NE(row.moments, 0) << row.name;
    for (const Moment moment : {Moment::kRequest, Moment::kResponse, Moment::kEnd, Moment::kError}) {
      const auto found = find(name_of_one(row), Use::kText, moment);
      EXPECT_EQ(static_cast<bool>(found), row.can_be_read(moment)) << row.name;
      if (!found) continue;
      EXPECT_EQ(found->variable, row.variable);
      EXPECT_EQ(found->argument, row.is_family() ? "x" : "");
    }
  }
}

TEST(ExchangeVariables, WhatCanBeReadAtTheRequestCanBeReadAtTheResponseAndInErrors) {
  for (const Row& row : all()) {
    if (!row.can_be_read(Moment::kRequest)) continue;
    EXPECT_TRUE(row.can_be_read(Moment::kResponse)) << row.name;
    EXPECT_TRUE(row.can_be_read(Moment::kError)) << row.name;
  }
}

TEST(ExchangeVariables, EachOneThatPoliciesReadHasAValueInTexts) {
  Exchange exchange;
  for (const Row& row : all()) {
    // The values of path parameters, query parameters and metadata have tests of their own.
    if (!row.can_be_read(Moment::kResponse) || row.variable == Variable::kPath ||
        row.variable == Variable::kQuery || row.variable == Variable::kConsumerMetadata)
      continue;
    EXPECT_NE(exchange.expand("{" + name_of_one(row) + "}"), "") << row.name;
  }
}

TEST(ExchangeVariables, EachOneOfTheAccessLogHasAValueInItsLines) {
  http::Fields fields;
  fields.add("x", "one");
  telemetry::AccessEntry entry;
  for (const auto member :
       {&telemetry::AccessEntry::request_id, &telemetry::AccessEntry::client, &telemetry::AccessEntry::peer,
        &telemetry::AccessEntry::method, &telemetry::AccessEntry::host, &telemetry::AccessEntry::path,
        &telemetry::AccessEntry::canonical_path, &telemetry::AccessEntry::query,
        &telemetry::AccessEntry::version, &telemetry::AccessEntry::consumer,
        &telemetry::AccessEntry::credential, &telemetry::AccessEntry::route,
        &telemetry::AccessEntry::upstream, &telemetry::AccessEntry::branch, &telemetry::AccessEntry::target,
        &telemetry::AccessEntry::policy, &telemetry::AccessEntry::note, &telemetry::AccessEntry::cache})
    entry.*member = "text";
  entry.request_head = entry.response_head = std::chrono::microseconds(1);
  entry.request_fields = entry.response_fields = &fields;
  for (const Row& row : all()) {
    if (!row.can_be_read(Moment::kEnd)) continue;
    const std::string format = "{" + name_of_one(row) + "}";
    EXPECT_EQ(telemetry::LogFormat::check(format), "");
    TextWriter line;
    telemetry::LogFormat(telemetry::LogFormat::Settings{.format = format}).write(entry, line);
    EXPECT_FALSE(line.text().empty() || line.text() == "-") << row.name;
  }
}

TEST(ExchangeVariables, MistakesNameTheNearestVariable) {
  EXPECT_EQ(problem_of("request.metod", Use::kText, Moment::kRequest),
            "there is no variable `request.metod` - did you mean `request.method`?");
  EXPECT_EQ(problem_of("request.heder.x-tenant", Use::kText, Moment::kRequest),
            "there is no variable `request.heder.x-tenant` - did you mean `request.header.x-tenant`?");
  EXPECT_EQ(problem_of("claim.", Use::kText, Moment::kRequest),
            "`claim.` needs a name behind it: `claim.NAME`");
  EXPECT_EQ(problem_of("claim", Use::kText, Moment::kRequest),
            "`claim` needs a name behind it: `claim.NAME`");
  EXPECT_EQ(problem_of("completely-different", Use::kText, Moment::kRequest),
            "there is no variable `completely-different`");
}

TEST(ExchangeVariables, OnesThatHaveNoValueYetSayWhenTheyHave) {
  EXPECT_EQ(problem_of("response.status", Use::kText, Moment::kRequest),
            "`response.status` cannot be read here: it has a value only once there is a response: in "
            "`headers.response` and in the access log");
  EXPECT_EQ(
      problem_of("end.reason", Use::kText, Moment::kResponse),
      "`end.reason` cannot be read here: it has a value only at the end of a request: in the access log");
  EXPECT_EQ(problem_of("claim.sub", Use::kLogFormat, Moment::kEnd),
            "`claim.sub` cannot be read here: it has a value only while the policies see the request and its "
            "response");
  EXPECT_EQ(
      problem_of("error.status", Use::kText, Moment::kResponse),
      "`error.status` cannot be read here: it has a value only in an error of the gateway: in the texts of "
      "`errors`");
  EXPECT_NE(policy::Template::check("{response.header.x}"), "");
  EXPECT_EQ(policy::Template::check_response("{response.header.x}"), "");
}

TEST(ExchangeVariables, OldNamesSayTheNewOne) {
  EXPECT_EQ(
      policy::Condition::check("header.x-tenant = a"),
      "in the condition `header.x-tenant = a`: `header.x-tenant` is called `request.header.x-tenant` now");
  EXPECT_EQ(policy::LimitKey::check("consumer").find("`consumer` is called `caller` now"), 0u);
  EXPECT_EQ(policy::Template::check("{request.cookie.a}"), "`request.cookie.a` is called `cookie.a` now");
  EXPECT_EQ(telemetry::LogFormat::check("{total_us}"), "`total_us` is called `duration.total_us` now");
}

TEST(ExchangeVariables, EachNewNameOfAnOldOneExists) {
  const std::pair<Use, Moment> uses[] = {{Use::kText, Moment::kRequest},
                                         {Use::kCondition, Moment::kRequest},
                                         {Use::kKey, Moment::kRequest},
                                         {Use::kLogFormat, Moment::kEnd}};
  size_t known = 0;
  for (const auto& [use, moment] : uses) {
    for (const OldName& old : old_names()) {
      if (old.use != use) continue;
      ++known;
      const std::string was = std::string(old.was) + (old.was.ends_with('.') ? "x" : "");
      const std::string now = name_now(was, use);
      EXPECT_EQ(now == "caller" ? "" : problem_of(now, use, moment), "") << was;
      EXPECT_EQ(problem_of(was, use, moment), "`" + was + "` is called `" + now + "` now");
    }
  }
  EXPECT_EQ(known, old_names().size());
}

TEST(ExchangeVariables, TextsAreDividedAtTheirVariables) {
  const auto pieces = parse_text("a{{{request.host}}b", Use::kText, Moment::kRequest);
  ASSERT_TRUE(pieces);
  ASSERT_EQ(pieces->size(), 2u);
  EXPECT_EQ((*pieces)[0].literal, "a{");
  EXPECT_EQ((*pieces)[0].variable, (Reference{Variable::kRequestHost, ""}));
  EXPECT_EQ((*pieces)[1].literal, "}b");
  EXPECT_FALSE((*pieces)[1].variable);
  EXPECT_FALSE(parse_text("{request.host", Use::kText, Moment::kRequest));
}

TEST(ExchangeVariables, QueryParametersAreDecodedAndHaveNoControlCharacters) {
  Exchange exchange;
  EXPECT_EQ(exchange.expand("{query.page}"), "a b");
  EXPECT_EQ(exchange.expand("{query.line}{query.none}"), "");
  EXPECT_TRUE(exchange.holds("query.page = 'a b'"));
  EXPECT_TRUE(exchange.holds("query.page = 2"));
  EXPECT_FALSE(exchange.holds("query.page = 3"));
  EXPECT_TRUE(exchange.holds("query.line exists and not query.none exists"));
}

TEST(ExchangeVariables, ListsAreListsInTextsAndAnyElementInConditions) {
  Exchange exchange;
  EXPECT_EQ(exchange.expand("{consumer.groups}|{claim.x}"), "beta,staff|a,b");
  EXPECT_TRUE(exchange.holds("consumer.groups = beta and claim.x = b and scope = write"));
  EXPECT_FALSE(exchange.holds("consumer.groups = 'beta,staff'"));
}

TEST(ExchangeVariables, ConditionsReadWhatTextsRead) {
  Exchange exchange;
  EXPECT_TRUE(
      exchange.holds("request.raw_path = /A%2fb and request.scheme = http and upstream.name = backend"));
  EXPECT_TRUE(exchange.holds("client.certificate.serial = '01' and consumer.credential = key-1"));
}

TEST(ExchangeVariables, AKeyIsTheSameWithAndWithoutBraces) {
  Exchange exchange;
  exchange.context.client.address = "2001:db8::1";
  const auto of = [&](const char* key) {
    return std::string(policy::LimitKey(key).text_of(exchange.context));
  };
  const std::string mine = of("client.address");
  EXPECT_EQ(of("{client.address}"), mine);
  EXPECT_EQ(of("claim.x"), of("{claim.x}"));
  exchange.context.client.address = "2001:db8::ffff:1";
  EXPECT_EQ(of("{client.address}"), mine);  // of the same /64
  exchange.context.client.address = "2001:db8:0:1::1";
  EXPECT_NE(of("client.address"), mine);
}

}  // namespace
}  // namespace portcullis::variables

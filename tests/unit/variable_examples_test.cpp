#include "config/variable_examples.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "policy/condition.h"
#include "policy/limit_key.h"
#include "policy/template.h"
#include "telemetry/log_format.h"

namespace portcullis::config {
namespace {

using variables::Moment;

bool has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

TEST(VariableExamples, AreWrittenAsTheSettingWritesVariables) {
  EXPECT_TRUE(has(variable_examples(VariableForm::kText, Moment::kRequest), "{request.host}"));
  EXPECT_TRUE(has(variable_examples(VariableForm::kName, Moment::kRequest), "request.header.NAME"));
  EXPECT_TRUE(has(variable_examples(VariableForm::kCondition, Moment::kRequest), "consumer.groups exists"));
}

TEST(VariableExamples, AreThoseWithAValueAtTheMoment) {
  EXPECT_FALSE(has(variable_examples(VariableForm::kText, Moment::kRequest), "{response.status}"));
  EXPECT_TRUE(has(variable_examples(VariableForm::kText, Moment::kResponse), "{response.status}"));
  EXPECT_FALSE(has(variable_examples(VariableForm::kText, Moment::kResponse), "{end.reason}"));
  EXPECT_TRUE(has(variable_examples(VariableForm::kText, Moment::kEnd), "{end.reason}"));
}

TEST(VariableExamples, OmitWhatTheCheckRefuses) {
  const auto none_of_clients = [](const std::string& text) -> std::string {
    return text.find("client.") == std::string::npos ? "" : "refused";
  };
  const auto texts = variable_examples(VariableForm::kText, Moment::kRequest, none_of_clients);
  EXPECT_FALSE(has(texts, "{client.address}"));
  EXPECT_TRUE(has(texts, "{consumer.name}"));
}

TEST(VariableExamples, AreAcceptedBySettings) {
  const auto accepted = [](VariableForm form, Moment moment, const TextCheck& check) {
    for (const std::string& text : variable_examples(form, moment)) EXPECT_EQ(check(text), "") << text;
  };
  accepted(VariableForm::kText, Moment::kRequest, policy::Template::check);
  accepted(VariableForm::kText, Moment::kResponse, policy::Template::check_response);
  accepted(VariableForm::kName, Moment::kRequest, policy::LimitKey::check);
  accepted(VariableForm::kCondition, Moment::kRequest, policy::Condition::check);
  accepted(VariableForm::kText, Moment::kEnd, telemetry::LogFormat::check);
}

}  // namespace
}  // namespace portcullis::config

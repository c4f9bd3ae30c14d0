#include "config/choice_type.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/text.h"
#include "config/json_value.h"
#include "config/other_products.h"
#include "config/schema.h"

namespace portcullis::config {

AnyChoice::AnyChoice(std::vector<std::string_view> words) : words_(std::move(words)) {
  kind_ = "one of";
  for (const std::string_view word : words_) {
    kind_ += kind_.size() == 6 ? " " : ", ";
    kind_ += word;
  }
}

void AnyChoice::load(const YamlNode& node, Place out, Diagnostics& diagnostics) const {
  if (node.kind != YamlNode::Kind::kScalar) return diagnostics.error(node.location, "expected " + kind_);
  const auto found = std::find(words_.begin(), words_.end(), node.scalar);
  if (found != words_.end()) return store(static_cast<size_t>(found - words_.begin()), out);
  const std::string hint = hint_for_foreign_value(node.scalar, words_);
  diagnostics.error(node.location, "`" + node.scalar + "` is not " + kind_ +
                                       (hint.empty() ? suggestion_for(node.scalar, words_) : hint));
}

nlohmann::json AnyChoice::json_schema() const {
  nlohmann::json values = nlohmann::json::array();
  for (const std::string_view word : words_) {
    values.push_back(word);
    if (const nlohmann::json plain = json_of_yaml(std::string(word)); !plain.is_string())
      values.push_back(plain);
  }
  return {
      {"anyOf",
       {nlohmann::json{{"enum", values}}, nlohmann::json{{"type", "string"}, {"pattern", kHasVariable}}}}};
}

std::optional<std::string> AnyChoice::yaml_of(Place place) const {
  const std::string_view word = word_at(place);
  return word.empty() ? std::nullopt : std::optional<std::string>(word);
}

}  // namespace portcullis::config

#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>

#include "config/schema.h"

namespace portcullis::config {

// Guesses the meaning of a text that cannot be read, or returns "": see config/likely_value.h.
using Guess = std::string (*)(const std::string& text);

// The text of a value, which contains no variables.
template <typename T>
using Print = std::string (*)(const T& value);

// A scalar whose text `parse` checks and converts to a T, and `print` converts back. `schema` is its JSON
// Schema. `guess` may be null. Immutable.
template <typename T>
class ScalarType final : public TypeFor<T> {
 public:
  ScalarType(std::string kind, nlohmann::json schema, std::string example, Parse<T> parse, Print<T> print,
             Guess guess = nullptr)
      : kind_(std::move(kind)),
        schema_(std::move(schema)),
        example_(std::move(example)),
        parse_(std::move(parse)),
        print_(print),
        guess_(guess) {}

  void read(const YamlNode& node, T& out, Diagnostics& diagnostics) const override {
    if (node.kind != YamlNode::Kind::kScalar) return diagnostics.error(node.location, "expected " + kind_);
    const std::string problem = parse_(node.scalar, out);
    if (!problem.empty()) diagnostics.error(node.location, problem + suggestion(node.scalar));
  }
  nlohmann::json json_schema() const override { return schema_; }
  std::string describe() const override { return kind_; }
  std::string example() const override { return example_; }
  // Empty for a value that no text represents, such as a limit of 0 where the min is 1.
  std::optional<std::string> write(const T& value) const override {
    const std::string text = print_(value);
    T back{};
    return parse_(text, back).empty() && back == value ? std::optional(text) : std::nullopt;
  }

 private:
  bool reads(const std::string& text) const {
    T unused{};
    return parse_(text, unused).empty();
  }
  // " - did you mean `x`?", or "".
  std::string suggestion(const std::string& text) const {
    const std::string likely = guess_ == nullptr ? std::string() : guess_(text);
    return likely.empty() || !reads(likely) ? "" : " - did you mean `" + likely + "`?";
  }

  std::string kind_;
  nlohmann::json schema_;
  std::string example_;
  Parse<T> parse_;
  Print<T> print_;
  Guess guess_;
};

}  // namespace portcullis::config

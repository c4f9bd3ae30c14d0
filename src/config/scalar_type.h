#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

#include "config/schema.h"

namespace portcullis::config {

// A scalar whose text `parse` checks and turns into a T. `schema`: how JSON writes it. Immutable.
template <typename T>
class ScalarType final : public Type {
 public:
  ScalarType(std::string kind, nlohmann::json schema, std::string example, Parse<T> parse)
      : kind_(std::move(kind)),
        schema_(std::move(schema)),
        example_(std::move(example)),
        parse_(std::move(parse)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind != YamlNode::Kind::kScalar) return diagnostics.error(node.location, "expected " + kind_);
    const std::string problem = parse_(node.scalar, *static_cast<T*>(out));
    if (!problem.empty()) diagnostics.error(node.location, problem);
  }
  nlohmann::json json_schema() const override { return schema_; }
  std::string describe() const override { return kind_; }
  std::string example() const override { return example_; }
  bool is_value(const std::string& text) const override {
    T unused{};
    return parse_(text, unused).empty();
  }

 private:
  std::string kind_;
  nlohmann::json schema_;
  std::string example_;
  Parse<T> parse_;
};

}  // namespace portcullis::config

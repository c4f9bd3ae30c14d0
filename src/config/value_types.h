#pragma once

#include "base/text.h"
#include "config/schema.h"

namespace portcullis::config {

// An amount in a time, as in "100/s" or "10/30s".
struct Rate {
  uint64_t amount = 0;
  std::chrono::milliseconds period{0};
};
TypePointer rate();  // Rate

// A moment, as in 2027-01-31 or 2027-01-31T12:00:00Z, in UTC: std::chrono::sys_seconds.
TypePointer timestamp();

// A share, as in 20%: uint64_t, 0 to 100.
TypePointer percent();

// A share that may be small, as in 0.1%.
struct FineShare {
  uint32_t of_10_000 = 0;
};
TypePointer fine_share();  // FineShare

// Statuses of responses, as in 200, 200-299 or 2xx.
struct StatusRange {
  uint16_t first = 0;
  uint16_t last = 0;
};
TypePointer status_range();  // StatusRange
// Those of all of them, sorted.
std::vector<uint16_t> statuses_of(const std::vector<StatusRange>& ranges);

// What is either the object, or a scalar that stands for one of its fields.
TypePointer shorthand(std::shared_ptr<const ObjectType> object, std::string field);

// A list of T that may be written as its only element.
template <typename T>
class OneOrManyType final : public Type {
 public:
  explicit OneOrManyType(TypePointer element)
      : element_(std::move(element)), list_(std::make_shared<ListType<T>>(element_)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kSequence || node.kind == YamlNode::Kind::kNull)
      return list_->load(node, out, diagnostics);
    auto& list = *static_cast<std::vector<T>*>(out);
    element_->load(node, &list.emplace_back(), diagnostics);
  }
  nlohmann::json json_schema() const override {
    return {{"anyOf", {element_->json_schema(), list_->json_schema()}}};
  }
  std::string describe() const override { return element_->describe() + ", or a list of such"; }
  const ObjectType* object() const override { return element_->object(); }

 private:
  TypePointer element_;
  TypePointer list_;
};

template <typename T>
TypePointer one_or_list_of(TypePointer element) {
  return std::make_shared<OneOrManyType<T>>(std::move(element));
}

}  // namespace portcullis::config

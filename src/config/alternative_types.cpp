#include <nlohmann/json.hpp>

#include "config/list_type.h"
#include "config/object_type.h"

// Types of values that may be written in one of two forms.
namespace portcullis::config {
namespace {

// A schema that applies `of_type` to values of the JSON type `type` and `otherwise` to all others, so that a
// mistake within either form is reported at its own place.
nlohmann::json one_or_other(const char* type, nlohmann::json of_type, nlohmann::json otherwise) {
  return {{"if", {{"type", type}}}, {"then", std::move(of_type)}, {"else", std::move(otherwise)}};
}

class ShorthandType final : public AnyType {
 public:
  ShorthandType(std::shared_ptr<const AnyObject> object, std::string field)
      : object_(std::move(object)), name_(std::move(field)) {
    for (const AnyObject::Field& one : object_->fields()) {
      if (one.name == name_) field_ = &one;
    }
  }

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override {
    if (node.kind != YamlNode::Kind::kScalar) return object_->load(node, out, diagnostics);
    object_->note(out, node.location);
    AnyObject::note(out, *field_, node.location);
    field_->type->load(node, AnyObject::member_of(out, *field_), diagnostics);
  }
  nlohmann::json json_schema() const override {
    return one_or_other("object", object_->json_schema(), field_->type->json_schema());
  }
  std::string describe() const override { return object_->describe() + ", or its `" + name_ + "` alone"; }
  std::string example() const override { return object_->example(); }
  std::optional<std::string> yaml_of(Place) const override { return std::nullopt; }
  const AnyObject* object() const override { return object_.get(); }

 private:
  std::shared_ptr<const AnyObject> object_;
  std::string name_;
  const AnyObject::Field* field_ = nullptr;
};

class OneOrManyType final : public AnyType {
 public:
  OneOrManyType(AnyTypePointer element, std::shared_ptr<const AnyList> list)
      : element_(std::move(element)), list_(std::move(list)) {}

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kSequence || node.kind == YamlNode::Kind::kNull)
      return list_->load(node, out, diagnostics);
    list_->clear(out);
    element_->load(node, list_->append(out), diagnostics);
  }
  nlohmann::json json_schema() const override {
    return one_or_other("array", list_->json_schema(), element_->json_schema());
  }
  std::string describe() const override { return element_->describe() + ", or a list of such"; }
  std::string example() const override { return element_->example(); }
  std::optional<std::string> yaml_of(Place place) const override {
    return list_->size(place) == 1 ? element_->yaml_of(list_->at(place, 0)) : list_->yaml_of(place);
  }
  const AnyList* list() const override { return list_.get(); }
  const AnyObject* object() const override { return element_->object(); }

 private:
  AnyTypePointer element_;
  std::shared_ptr<const AnyList> list_;
};

}  // namespace

AnyTypePointer one_or_many(AnyTypePointer element, std::shared_ptr<const AnyList> list) {
  return std::make_shared<OneOrManyType>(std::move(element), std::move(list));
}

AnyTypePointer shorthand(std::shared_ptr<const AnyObject> object, std::string field) {
  return std::make_shared<ShorthandType>(std::move(object), std::move(field));
}

}  // namespace portcullis::config

#include "config/schema.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "config/json_value.h"
#include "config/other_products.h"

namespace portcullis::config {
namespace {

class NonEmptyType final : public AnyType {
 public:
  explicit NonEmptyType(AnyTypePointer list) : list_(std::move(list)) {}

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override {
    if (node.kind == YamlNode::Kind::kSequence && node.items.empty())
      return diagnostics.error(node.location, "the list is empty: leave the key out, or list something");
    list_->load(node, out, diagnostics);
  }
  nlohmann::json json_schema() const override {
    nlohmann::json schema = list_->json_schema();
    require_element(schema);
    return schema;
  }
  std::string describe() const override { return list_->describe(); }
  std::string example() const override { return list_->example(); }
  std::optional<std::string> yaml_of(Place place) const override {
    return list_->list()->size(place) == 0 ? std::nullopt : list_->yaml_of(place);
  }
  const AnyList* list() const override { return list_->list(); }
  const AnyObject* object() const override { return list_->object(); }
  std::vector<std::pair<std::string, const AnyObject*>> alternatives() const override {
    return list_->alternatives();
  }

 private:
  // Requires an element in the schema of a list, or in the list among several forms.
  static void require_element(nlohmann::json& schema) {
    if (schema.contains("items")) schema["minItems"] = 1;
    for (const char* form : {"then", "else"}) {
      if (schema.contains(form)) require_element(schema[form]);
    }
  }

  AnyTypePointer list_;
};

}  // namespace

AnyTypePointer non_empty(AnyTypePointer list) {
  return std::make_shared<NonEmptyType>(std::move(list));
}

namespace {

// "; it takes `a` and `b`", if the list of keys is short enough.
std::string list_of_keys(const std::vector<std::string_view>& known) {
  constexpr size_t kMaxTold = 12;
  if (known.empty() || known.size() > kMaxTold) return "";
  std::string out = "; it takes ";
  for (size_t i = 0; i < known.size(); ++i)
    out += (i == 0 ? "`" : i + 1 == known.size() ? " and `" : ", `") + std::string(known[i]) + "`";
  return out;
}

// A hint about the key that may be meant by an unknown key.
std::string hint_for_key(const std::string& key, const std::string& object,
                         const std::vector<std::string_view>& known, const Diagnostics& diagnostics) {
  if (std::string hint = hint_for_foreign_key(key, object); !hint.empty()) return hint;
  if (std::string hint = suggestion_for(key, known); !hint.empty()) return hint;
  if (std::string hint = diagnostics.place_of_key(key, object); !hint.empty()) return hint;
  return list_of_keys(known);
}

bool is_required(const AnyObject::Field& field) {
  return field.required;
}

}  // namespace

std::string AnyObject::expectation() const {
  const bool all_optional = std::none_of(fields_.begin(), fields_.end(), is_required);
  return "expected " + name_ + " (keys and values), as " + example() +
         (all_optional ? ", or {} for its defaults" : "");
}

void AnyObject::load(const YamlNode& node, Place out, Diagnostics& diagnostics) const {
  note(out, node.location);
  const size_t faults_before = diagnostics.faults();
  load_members(node, out, diagnostics);
  if (diagnostics.faults() != faults_before) diagnostics.mark_faulty(node.location);
}

void AnyObject::load_members(const YamlNode& node, Place out, Diagnostics& diagnostics) const {
  if (node.kind != YamlNode::Kind::kMapping) return diagnostics.error(node.location, expectation());
  for (const auto& [key, value] : node.members) {
    if (is_extension_key(key->scalar)) continue;
    const std::string& name = key->scalar;
    const auto field = std::find_if(fields_.begin(), fields_.end(),
                                    [&name](const Field& candidate) { return candidate.name == name; });
    if (field == fields_.end()) {
      std::vector<std::string_view> known;
      for (const Field& candidate : fields_) known.push_back(candidate.name);
      diagnostics.error(key->location, "unknown key `" + key->scalar + "` in " + name_ +
                                           hint_for_key(key->scalar, name_, known, diagnostics));
      continue;
    }
    note(out, *field, value->location);
    field->type->load(*value, member_of(out, *field), diagnostics);
  }
  for (const Field& field : fields_) {
    if (field.required && node.find(field.name) == nullptr) {
      diagnostics.error(node.location, name_ + " needs `" + field.name + "`");
    }
  }
}

namespace {

bool is_optional_object(const AnyObject::Field& field) {
  if (field.type->list() != nullptr || field.type->object() == nullptr) return false;
  const auto& fields = field.type->object()->fields();
  return std::none_of(fields.begin(), fields.end(), is_required);
}

// The default of a field for the schema; empty when the reference describes the default in words.
std::optional<nlohmann::json> default_json(const AnyObject& object, const AnyObject::Field& field) {
  const auto yaml = object.default_value(field);
  if (!yaml)
    return is_optional_object(field) && object.default_text(field).empty()
               ? std::optional(nlohmann::json::object())
               : std::nullopt;
  nlohmann::json value = json_of_yaml(*yaml);
  const bool alone = field.type->list() != nullptr && !value.is_array();
  return alone ? nlohmann::json::array({std::move(value)}) : std::move(value);
}

nlohmann::json field_schema(const AnyObject& object, const AnyObject::Field& field) {
  nlohmann::json schema = field.type->json_schema();
  schema["description"] = field.summary;
  if (!field.required) {
    if (auto value = default_json(object, field)) {
      schema["default"] = std::move(*value);
    } else {
      schema["description"] = field.summary + " Default: " + object.default_text(field) + ".";
    }
  }
  nlohmann::json examples = nlohmann::json::array();
  const std::string example = field.type->example();
  if (!example.empty()) examples.push_back(json_of_yaml(example));
  for (const auto& further : schema.value("examples", nlohmann::json::array())) {
    if (std::find(examples.begin(), examples.end(), further) == examples.end()) examples.push_back(further);
  }
  if (!examples.empty()) schema["examples"] = std::move(examples);
  return schema;
}

}  // namespace

std::optional<std::string> AnyObject::default_value(const Field& field) const {
  if (field.required || !field.default_words.empty()) return std::nullopt;
  return field.type->yaml_of(member_of(defaults_, field));
}

std::string AnyObject::default_text(const Field& field) const {
  if (!field.default_words.empty()) return field.default_words;
  const auto value = default_value(field);
  if (value && *value != "[]") return *value;
  return is_optional_object(field) ? "" : "none";
}

nlohmann::json AnyObject::json_schema() const {
  nlohmann::json properties = nlohmann::json::object();
  nlohmann::json needed = nlohmann::json::array();
  for (const Field& field : fields_) {
    properties[field.name] = field_schema(*this, field);
    if (field.required) needed.push_back(field.name);
  }
  nlohmann::json schema{{"type", "object"},
                        {"additionalProperties", false},
                        {"properties", properties},
                        {"patternProperties", {{kAuthorsKeys, true}}}};
  // Keys that a merge key adds are invisible to a schema when the YAML reader does not merge them.
  if (!needed.empty()) {
    schema["if"] = {{"required", {"<<"}}};
    schema["else"] = {{"required", needed}};
  }
  return schema;
}

std::string AnyObject::example() const {
  std::string out;
  const auto add = [&out](const Field& field) {
    const std::string its = field.type->example();
    out += (out.empty() ? "" : ", ") + field.name + ": " + its;
  };
  for (const Field& field : fields_) {
    if (field.required) add(field);
  }
  if (out.empty() && !fields_.empty()) add(fields_.front());
  return "{" + out + "}";
}

std::string AnyList::example() const {
  return "[" + element_->example() + "]";
}

std::optional<std::string> AnyList::yaml_of(Place place) const {
  std::string out;
  for (size_t i = 0; i < size(place); ++i) {
    const auto element = element_->yaml_of(at(place, i));
    if (!element) return std::nullopt;
    out += (i == 0 ? "" : ", ") + *element;
  }
  return "[" + out + "]";
}

void AnyList::load(const YamlNode& node, Place out, Diagnostics& diagnostics) const {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kSequence)
    return diagnostics.error(node.location,
                             "expected a list of " + element_->describe() + hint_for_list(node));
  clear(out);
  for (const auto& item : node.items) load_item(*item, out, diagnostics);
}

void AnyList::load_item(const YamlNode& item, Place list, Diagnostics& diagnostics) const {
  element_->load(item, append(list), diagnostics);
}

// How to turn `node`, which is not a list, into one.
std::string AnyList::hint_for_list(const YamlNode& node) const {
  if (node.kind == YamlNode::Kind::kScalar) {
    // Text from a variable may be a secret, so it is not shown.
    if (!node.inserted.empty()) return ": a variable stands for one element, as [\"${NAME}\"]";
    return element_->object() == nullptr ? ": write [" + node.scalar + "]" : "";
  }
  const AnyObject* object = element_->object();
  if (object == nullptr || node.members.empty()) return "";
  const auto names_an_element = [](const auto& member) {
    return member.second->kind == YamlNode::Kind::kMapping && !is_extension_key(member.first->scalar);
  };
  const std::vector<AnyObject::Field>& fields = object->fields();
  const bool has_name =
      std::any_of(fields.begin(), fields.end(), [](const auto& one) { return one.name == "name"; });
  if (has_name && std::all_of(node.members.begin(), node.members.end(), names_an_element))
    return ": each begins with `- `, and its name is one of its keys, as `- name: " +
           node.members.front().first->scalar + "`";
  return ": each begins with `- `, also where there is only one";
}

nlohmann::json AnyList::json_schema() const {
  return {{"type", {"array", "null"}}, {"items", element_->json_schema()}};
}

}  // namespace portcullis::config

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/yaml.h"

namespace portcullis::config {

class ListType;
class ObjectType;

// How one kind of value is written, checked, stored and documented. The loader, the JSON Schema and the
// reference page all come from a tree of these, so they cannot disagree.
class Type {
 public:
  virtual ~Type() = default;

  // Reads `node` into the object at `out`, whose C++ type this Type was made for. Reports all that is wrong.
  virtual void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const = 0;
  virtual nlohmann::json json_schema() const = 0;
  // For the reference: "duration", "list of route".
  virtual std::string describe() const = 0;
  // A value that it takes, as YAML of one line; empty when none is known.
  virtual std::string example() const = 0;
  // Whether `text`, which stands for a default in the reference, is itself a value and not words about one.
  virtual bool is_value(const std::string& text) const = 0;
  // The list that this is, or takes among other forms; null for all others.
  virtual const ListType* list() const { return nullptr; }
  // The object that this is, or is a list of; null for scalars.
  virtual const ObjectType* object() const { return nullptr; }
  // The named objects of which this takes one or several, each under its name; empty for most types.
  virtual std::vector<std::pair<std::string, const ObjectType*>> alternatives() const { return {}; }
};

using TypePointer = std::shared_ptr<const Type>;

// A scalar stored in a C++ type by `parse`, which returns an error message or "".
template <typename T>
using Parse = std::function<std::string(const std::string& text, T& out)>;
// How JSON may write it. A text must match `pattern`, when there is one, or hold a variable of the
// environment.
struct ScalarForm {
  std::vector<std::string> other_types;  // besides "string": "integer", "number", "boolean"
  std::string pattern;                   // ECMAScript's language; empty: any text
};
nlohmann::json scalar_schema(const ScalarForm& form);
// Keys of the author's own (is_extension_key()), and YAML's merge key, as an expression for JSON Schema.
inline constexpr const char* kAuthorsKeys = "^(x-.*|<<)$";

// `example` is that of the JSON Schema.
TypePointer text(std::string example);               // std::string
TypePointer boolean();                               // bool
TypePointer integer(uint64_t least, uint64_t most);  // uint64_t
TypePointer version_number();                        // uint64_t: 1
TypePointer duration();                              // std::chrono::milliseconds
// How long something may take: std::chrono::milliseconds. 0 means no limit, and is stored as kNoTimeLimit: so
// long that nothing waits for it, and short enough to be added to any moment.
inline constexpr std::chrono::milliseconds kNoTimeLimit = std::chrono::hours(24 * 365 * 10);
TypePointer time_limit();
TypePointer size();  // uint64_t, bytes
using TextCheck = std::function<std::string(const std::string&)>;
TypePointer checked_text(std::string kind, std::string pattern, std::string example,
                         TextCheck check);  // std::string
// A text in which braces enclose variables of the request, and `{{` stands for a brace. What variables of the
// environment and files have put into it is text as it is: its braces enclose nothing. std::string.
TypePointer text_with_variables(std::string kind, std::string example, TextCheck check);
// The check of a text that is judged elsewhere.
inline std::string any_text(const std::string&) {
  return "";
}
TypePointer choice(std::vector<std::pair<std::string, int>> words);  // an enum of int size

// Warns of a variable in a text with variables that is written as in another product.
void warn_of_foreign_variables(const YamlNode& node, Diagnostics& diagnostics);
// The scalar of `node` as text_with_variables() stores it.
std::string with_inserted_braces_doubled(const YamlNode& node);

// A mapping with known keys. Unknown ones are errors with a suggestion.
class ObjectType : public Type {
 public:
  ObjectType(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}

  struct Field {
    std::string name;
    TypePointer type;
    bool required;
    std::string default_text;  // shown in the reference
    std::string summary;
    std::function<void*(void*)> member;
    std::function<Location*(void*)> location;  // where to note the value's place, if anywhere
    std::string example{};                     // YAML; empty: the default, or the type's
  };

  struct Whole {};

  template <typename T, typename M>
  ObjectType& required(std::string name, M T::*member, TypePointer type, std::string summary) {
    return add(std::move(name), member, std::move(type), true, "", std::move(summary));
  }
  template <typename T, typename M>
  ObjectType& optional(std::string name, M T::*member, TypePointer type, std::string default_text,
                       std::string summary) {
    return add(std::move(name), member, std::move(type), false, std::move(default_text), std::move(summary));
  }
  // A field whose object fills members of this same one.
  ObjectType& required(std::string name, Whole, TypePointer type, std::string summary) {
    fields_.push_back({std::move(name), std::move(type), true, "", std::move(summary),
                       [](void* object) { return object; }, nullptr});
    return *this;
  }
  // Gives the field added last an example of its own, as YAML of one line.
  ObjectType& example_last(std::string yaml) {
    fields_.back().example = std::move(yaml);
    return *this;
  }
  // Notes where the object, or the value of the field added last, stands in the file.
  template <typename T>
  ObjectType& locate(Location T::*place) {
    location_ = [place](void* object) { return &(static_cast<T*>(object)->*place); };
    return *this;
  }
  template <typename T>
  ObjectType& locate_last(Location T::*place) {
    fields_.back().location = [place](void* object) { return &(static_cast<T*>(object)->*place); };
    return *this;
  }

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override;
  nlohmann::json json_schema() const override;
  std::string describe() const override { return name_; }
  // Its required fields; where there are none, the first field.
  std::string example() const override;
  bool is_value(const std::string&) const override { return false; }
  const ObjectType* object() const override { return this; }

  // Where `object`, of this type, notes its place; null when it does not.
  Location* location_of(void* object) const { return location_ ? location_(object) : nullptr; }

  // What to say where something else stands.
  std::string expectation() const;
  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::vector<Field>& fields() const { return fields_; }

 private:
  void load_members(const YamlNode& node, void* out, Diagnostics& diagnostics) const;
  template <typename T, typename M>
  ObjectType& add(std::string name, M T::*member, TypePointer type, bool is_required,
                  std::string default_text, std::string summary) {
    fields_.push_back(
        {std::move(name), std::move(type), is_required, std::move(default_text), std::move(summary),
         [member](void* object) -> void* { return &(static_cast<T*>(object)->*member); }, nullptr});
    return *this;
  }

  std::string name_;
  std::string summary_;
  std::vector<Field> fields_;
  std::function<Location*(void*)> location_;
};

// A sequence. Only `append` knows the C++ type of its elements.
class ListType : public Type {
 public:
  explicit ListType(TypePointer element) : element_(std::move(element)) {}

  void load(const YamlNode& node, void* out, Diagnostics& diagnostics) const override;
  nlohmann::json json_schema() const override;
  std::string describe() const override { return "list of " + element_->describe(); }
  std::string example() const override;
  // "[a, b]", or "a, b".
  bool is_value(const std::string& text) const override;
  const ListType* list() const override { return this; }
  const ObjectType* object() const override { return element_->object(); }

  // Adds an empty element to the std::vector at `list`; its place.
  virtual void* append(void* list) const = 0;
  // How many elements the std::vector at `list` has.
  virtual size_t size(const void* list) const = 0;
  // Removes all elements of the std::vector at `list`: a list that is given replaces its default.
  virtual void clear(void* list) const = 0;

 private:
  std::string hint_for_list(const YamlNode& node) const;

  TypePointer element_;
};

// A sequence stored in std::vector<T>.
template <typename T>
class VectorType final : public ListType {
 public:
  using ListType::ListType;
  void* append(void* list) const override { return &static_cast<std::vector<T>*>(list)->emplace_back(); }
  size_t size(const void* list) const override { return static_cast<const std::vector<T>*>(list)->size(); }
  void clear(void* list) const override { static_cast<std::vector<T>*>(list)->clear(); }
};

// The type of `list`, for which a list without elements is an error: for keys where that has no useful
// meaning.
TypePointer non_empty(TypePointer list);

template <typename T>
TypePointer list_of(TypePointer element) {
  return std::make_shared<VectorType<T>>(std::move(element));
}

}  // namespace portcullis::config

#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/type.h"

namespace portcullis::config {

// A mapping with known keys. Unknown keys are errors with a suggestion. Only ObjectType<S> below knows the
// C++ types of the object and of its members.
class AnyObject : public AnyType {
 public:
  struct Field {
    std::string name;
    AnyTypePointer type;
    bool required;
    std::string summary;
    ptrdiff_t member;             // offset in the object
    std::string default_words{};  // describes the default in the reference, when its value is not informative
    std::optional<ptrdiff_t> location{};  // offset of the member that receives the value's location, if any
  };

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override;
  nlohmann::json json_schema() const override;
  std::string describe() const override { return name_; }
  // An object with its required fields, or else with its first field.
  std::string example() const override;
  std::optional<std::string> yaml_of(Place) const override { return std::nullopt; }
  const AnyObject* object() const override { return this; }

  // An object of this type with all default values, owned by this type.
  Place defaults() const { return defaults_; }
  // The default of `field`, one of fields(), as one line of YAML; empty when the default is described in
  // words or not at all.
  std::optional<std::string> default_value(const Field& field) const;
  // The text for the default in the reference: its words, its value, or "none"; empty for an object whose own
  // keys have defaults.
  std::string default_text(const Field& field) const;
  // The member of `object` that holds `field`, one of fields().
  static Place member_of(Place object, const Field& field) { return object.plus(field.member); }
  // Stores the position of `object`, or of the value of `field`, in the member for locations, if there is
  // one.
  void note(Place object, const Location& location) const { note_at(object, location_, location); }
  static void note(Place object, const Field& field, const Location& location) {
    note_at(object, field.location, location);
  }

  // The text of the error when the value is not a mapping.
  std::string expectation() const;
  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::vector<Field>& fields() const { return fields_; }

 protected:
  AnyObject(std::string name, std::string summary, Place defaults)
      : name_(std::move(name)), summary_(std::move(summary)), defaults_(defaults) {}

  void add(Field field) { fields_.push_back(std::move(field)); }
  Field& last() { return fields_.back(); }
  void set_location(ptrdiff_t location) { location_ = location; }

 private:
  static void note_at(Place object, std::optional<ptrdiff_t> where, const Location& location) {
    if (where) object.plus(*where).as<Location>() = location;
  }
  void load_members(const YamlNode& node, Place out, Diagnostics& diagnostics) const;

  std::string name_;
  std::string summary_;
  std::vector<Field> fields_;
  std::optional<ptrdiff_t> location_;
  Place defaults_;
};

// Describes the keys of an S. A member is bound to a Type of its own C++ type; a wrong type does not compile.
// `Base` is S or a base of it. A member's default is its value in a default-constructed S.
template <typename S>
class ObjectType final : public AnyObject {
 public:
  using Value = S;

  ObjectType(std::string name, std::string summary)
      : ObjectType(std::move(name), std::move(summary), std::make_unique<S>()) {}

  template <typename M, typename Base>
  requires std::derived_from<S, Base> ObjectType& required(std::string name, M Base::*member,
                                                           std::type_identity_t<Type<M>> type,
                                                           std::string summary) {
    add({std::move(name), type.any(), true, std::move(summary), offset_of<M>(member)});
    return *this;
  }
  template <typename M, typename Base>
  requires std::derived_from<S, Base> ObjectType& optional(std::string name, M Base::*member,
                                                           std::type_identity_t<Type<M>> type,
                                                           std::string summary) {
    add({std::move(name), type.any(), false, std::move(summary), offset_of<M>(member)});
    return *this;
  }
  // A field whose keys fill members of the same object.
  ObjectType& required_part(std::string name, const Type<S>& part, std::string summary) {
    add({std::move(name), part.any(), true, std::move(summary), 0});
    return *this;
  }
  // Describes the default of the field added last by words such as "any", where the member's initial value
  // cannot be shown or would not be informative.
  ObjectType& default_in_words(const std::string& words) {
    last().default_words = words;
    return *this;
  }
  // Sets the member that receives the position of the object, or of the value of the field added last, in the
  // file.
  template <typename Base>
  requires std::derived_from<S, Base> ObjectType& locate(Location Base::*place) {
    set_location(offset_of<Location>(place));
    return *this;
  }
  template <typename Base>
  requires std::derived_from<S, Base> ObjectType& locate_last(Location Base::*place) {
    last().location = offset_of<Location>(place);
    return *this;
  }

 private:
  ObjectType(std::string name, std::string summary, std::unique_ptr<S> object)
      : AnyObject(std::move(name), std::move(summary), Place(object.get())), object_(std::move(object)) {}

  template <typename M>
  ptrdiff_t offset_of(M S::*member) const {
    return reinterpret_cast<const std::byte*>(&(object_.get()->*member)) -
           reinterpret_cast<const std::byte*>(object_.get());
  }

  std::unique_ptr<S> object_;
};

// Accepts the object, or a scalar that stands for the value of one of its fields.
AnyTypePointer shorthand(std::shared_ptr<const AnyObject> object, std::string field);
template <typename S>
Type<S> shorthand(std::shared_ptr<ObjectType<S>> object, std::string field) {
  return Type<S>::handing_on(
      shorthand(std::shared_ptr<const AnyObject>(std::move(object)), std::move(field)));
}

}  // namespace portcullis::config

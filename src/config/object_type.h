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

// A mapping with known keys. Unknown ones are errors with a suggestion. Only ObjectType<S> below
// knows the C++ types of the object and of its members.
class AnyObject : public AnyType {
 public:
  struct Field {
    std::string name;
    AnyTypePointer type;
    bool required;
    std::string summary;
    ptrdiff_t member;             // how far into the object
    std::string default_words{};  // what the reference says of the default, where its value would not tell
    std::optional<ptrdiff_t> location{};  // where in the object to note the value's place, if anywhere
    std::string example{};                // YAML; empty: the default, or the type's
  };

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override;
  nlohmann::json json_schema() const override;
  std::string describe() const override { return name_; }
  // Its required fields; where there are none, the first field.
  std::string example() const override;
  std::optional<std::string> yaml_of(Place) const override { return std::nullopt; }
  const AnyObject* object() const override { return this; }

  // An object of this type with all its defaults. It belongs to this.
  Place defaults() const { return defaults_; }
  // The default of `field`, one of fields(), as YAML of one line; nothing where words or nothing tell of it.
  std::optional<std::string> default_value(const Field& field) const;
  // What the reference says of the default: its words, its value, or "none"; empty for an object whose own
  // keys have defaults.
  std::string default_text(const Field& field) const;
  // The member of `object` that `field`, one of fields(), fills.
  static Place member_of(Place object, const Field& field) { return object.plus(field.member); }
  // Notes where in the file `object`, and the value of `field`, stand; where they note that at all.
  void note(Place object, const Location& location) const { note_at(object, location_, location); }
  static void note(Place object, const Field& field, const Location& location) {
    note_at(object, field.location, location);
  }

  // What to say where something else stands.
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

// How an S is written, key by key. A member is bound to a Type of its own C++ type; another one does not
// compile. `Base` is S or a base of it. The default of a member is what a default-constructed S has.
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
  // A field whose object fills members of this same one.
  ObjectType& required_part(std::string name, const Type<S>& part, std::string summary) {
    add({std::move(name), part.any(), true, std::move(summary), 0});
    return *this;
  }
  // Tells of the default of the field added last in words, as "any", where the reference cannot show the
  // member's initial value, or where that would not say what it means.
  ObjectType& default_in_words(const std::string& words) {
    last().default_words = words;
    return *this;
  }
  // Gives the field added last an example of its own, as YAML of one line.
  ObjectType& example_last(const std::string& yaml) {
    last().example = yaml;
    return *this;
  }
  // Notes where the object, or the value of the field added last, stands in the file.
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

// What is either the object, or a scalar that stands for one of its fields.
AnyTypePointer shorthand(std::shared_ptr<const AnyObject> object, std::string field);
template <typename S>
Type<S> shorthand(std::shared_ptr<ObjectType<S>> object, std::string field) {
  return Type<S>::handing_on(
      shorthand(std::shared_ptr<const AnyObject>(std::move(object)), std::move(field)));
}

}  // namespace portcullis::config

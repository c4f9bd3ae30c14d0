#pragma once

#include <nlohmann/json_fwd.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/yaml.h"

namespace portcullis::config {

class AnyList;
class AnyObject;

// A pointer to a value of the configuration, without the value's C++ type. Only the classes named here create
// and read a Place: each takes the C++ type from a member that the compiler has compared with its Type<T>.
class Place {
 private:
  template <typename T>
  friend class Type;
  template <typename T>
  friend class TypeFor;
  template <typename T>
  friend class ListType;
  template <typename T>
  friend class SharedListType;
  template <typename E>
  friend class ChoiceType;
  template <typename S>
  friend class ObjectType;
  friend class AnyObject;

  explicit Place(void* at) : at_(at) {}
  template <typename T>
  T& as() const {
    return *static_cast<T*>(at_);
  }
  Place plus(ptrdiff_t bytes) const { return Place(static_cast<std::byte*>(at_) + bytes); }

  void* at_;
};

// How one kind of value is parsed, checked, stored and documented. The loader, the JSON Schema and the
// reference page all use a tree of these, so they cannot contradict each other. Immutable.
class AnyType {
 public:
  virtual ~AnyType() = default;

  // Reads `node` into the value at `out`, which must have this type's C++ type. Reports all mistakes.
  virtual void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const = 0;
  virtual nlohmann::json json_schema() const = 0;
  // The name of the type in the reference: "duration", "list of route".
  virtual std::string describe() const = 0;
  // A valid value as one line of YAML; empty when none is known.
  virtual std::string example() const = 0;
  // One line of YAML that loads as the value at `place`; empty when there is none, as for an empty text.
  virtual std::optional<std::string> yaml_of(Place place) const = 0;
  // The list type that this is, or accepts among other forms; otherwise null.
  virtual const AnyList* list() const { return nullptr; }
  // The object type that this is, or is a list of; null for scalars.
  virtual const AnyObject* object() const { return nullptr; }
  // The named object types of which this accepts one or several; empty for most types.
  virtual std::vector<std::pair<std::string, const AnyObject*>> alternatives() const { return {}; }
};

using AnyTypePointer = std::shared_ptr<const AnyType>;

// The type of a value of the C++ type T. A handle of an AnyType; copies share it.
template <typename T>
class Type {
 public:
  // `made` declares by its member type `Value` that it is for T.
  template <typename Made>
  requires std::same_as<typename Made::Value, T> Type(std::shared_ptr<Made> made) : any_(std::move(made)) {}

  // For an `any` whose class does not name T, because one class serves several C++ types. The class must pass
  // the place of its T on to a type that is for T.
  static Type handing_on(AnyTypePointer any) { return Type(std::move(any)); }

  void load(const YamlNode& node, T& out, Diagnostics& diagnostics) const {
    any_->load(node, Place(&out), diagnostics);
  }
  // As AnyType::yaml_of().
  std::optional<std::string> yaml_of(const T& value) const {
    return any_->yaml_of(Place(const_cast<T*>(&value)));
  }
  const AnyType* operator->() const { return any_.get(); }
  const AnyTypePointer& any() const { return any_; }

 private:
  explicit Type(AnyTypePointer any) : any_(std::move(any)) {}

  AnyTypePointer any_;
};

// The base class of types that read values of the C++ type T.
template <typename T>
class TypeFor : public AnyType {
 public:
  using Value = T;

  virtual void read(const YamlNode& node, T& out, Diagnostics& diagnostics) const = 0;
  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const final {
    read(node, out.as<T>(), diagnostics);
  }
  virtual std::optional<std::string> write(const T& value) const = 0;
  std::optional<std::string> yaml_of(Place place) const final { return write(place.as<T>()); }
};

}  // namespace portcullis::config

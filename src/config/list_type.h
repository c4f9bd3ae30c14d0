#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/object.h"
#include "config/shared_list.h"
#include "config/type.h"

namespace portcullis::config {

// A sequence stored in a std::vector. Only ListType<T> below knows the C++ type of the elements.
class AnyList : public AnyType {
 public:
  explicit AnyList(AnyTypePointer element) : element_(std::move(element)) {}

  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override;
  nlohmann::json json_schema() const override;
  std::string describe() const override { return "list of " + element_->describe(); }
  std::string example() const override;
  std::optional<std::string> yaml_of(Place place) const override;
  const AnyList* list() const override { return this; }
  const AnyObject* object() const override { return element_->object(); }

  // Adds an empty element to the std::vector at `list`, and returns its place.
  virtual Place append(Place list) const = 0;
  // The place of the element with that index.
  virtual Place at(Place list, size_t index) const = 0;
  // The number of elements of the std::vector at `list`.
  virtual size_t size(Place list) const = 0;
  // Removes all elements of the std::vector at `list`: a configured list replaces its default.
  virtual void clear(Place list) const = 0;

 protected:
  // Adds an element that `item` is loaded into.
  virtual void load_item(const YamlNode& item, Place list, Diagnostics& diagnostics) const;

 private:
  std::string hint_for_list(const YamlNode& node) const;

  AnyTypePointer element_;
};

// A sequence stored in std::vector<T>.
template <typename T>
class ListType final : public AnyList {
 public:
  using Value = std::vector<T>;

  explicit ListType(const Type<T>& element) : AnyList(element.any()) {}
  Place append(Place list) const override { return Place(&list.as<Value>().emplace_back()); }
  Place at(Place list, size_t index) const override { return Place(&list.as<Value>()[index]); }
  size_t size(Place list) const override { return list.as<Value>().size(); }
  void clear(Place list) const override { list.as<Value>().clear(); }
};

// A sequence stored in SharedList<T>: elements of the last configuration are added as they are.
template <typename T>
class SharedListType final : public AnyList {
 public:
  using Value = SharedList<T>;

  explicit SharedListType(const Type<T>& element) : AnyList(element.any()) {}
  Place append(Place list) const override { return Place(&list.as<Value>().add()); }
  Place at(Place list, size_t index) const override {
    return Place(const_cast<T*>(&list.as<Value>()[index]));
  }
  size_t size(Place list) const override { return list.as<Value>().size(); }
  void clear(Place list) const override { list.as<Value>().clear(); }

 protected:
  void load_item(const YamlNode& item, Place list, Diagnostics& diagnostics) const override {
    if (item.kind != YamlNode::Kind::kKept) return AnyList::load_item(item, list, diagnostics);
    list.as<Value>().add(std::static_pointer_cast<const T>(item.object->value));
  }
};

template <typename T>
Type<SharedList<T>> shared_list_of(const Type<T>& element) {
  return std::make_shared<SharedListType<T>>(element);
}

template <typename T>
Type<std::vector<T>> list_of(const Type<T>& element) {
  return std::make_shared<ListType<T>>(element);
}

// Like `list`, but refuses an empty list: for keys where an empty list has no useful meaning.
AnyTypePointer non_empty(AnyTypePointer list);
template <typename T>
Type<std::vector<T>> non_empty(const Type<std::vector<T>>& list) {
  return Type<std::vector<T>>::handing_on(non_empty(list.any()));
}

// Accepts a list, or a single element, which stands for a list of one.
AnyTypePointer one_or_many(AnyTypePointer element, std::shared_ptr<const AnyList> list);
template <typename T>
Type<std::vector<T>> one_or_list_of(const Type<T>& element) {
  return Type<std::vector<T>>::handing_on(one_or_many(element.any(), std::make_shared<ListType<T>>(element)));
}

}  // namespace portcullis::config

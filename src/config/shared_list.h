#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace portcullis::config {

// A list whose elements are shared: a configuration has the unchanged elements of the one before without
// copying them. Elements are read as from a std::vector<T>, and are not changed once the list has been
// loaded.
template <typename T>
class SharedList {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    Iterator() = default;
    explicit Iterator(const std::shared_ptr<const T>* at) : at_(at) {}
    const T& operator*() const { return **at_; }
    const T* operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator&) const = default;

   private:
    const std::shared_ptr<const T>* at_ = nullptr;
  };

  size_t size() const { return elements_.size(); }
  bool empty() const { return elements_.empty(); }
  const T& operator[](size_t index) const { return *elements_[index]; }
  Iterator begin() const { return Iterator(elements_.data()); }
  Iterator end() const { return Iterator(elements_.data() + elements_.size()); }

  // The element with that index, for another list.
  const std::shared_ptr<const T>& share(size_t index) const { return elements_[index]; }
  void add(std::shared_ptr<const T> element) { elements_.push_back(std::move(element)); }
  // Adds an element, which may be filled until the list is passed on.
  T& add() {
    auto made = std::make_shared<T>();
    T& out = *made;
    elements_.push_back(std::move(made));
    return out;
  }
  void reserve(size_t size) { elements_.reserve(size); }
  void clear() { elements_.clear(); }

 private:
  std::vector<std::shared_ptr<const T>> elements_;
};

}  // namespace portcullis::config

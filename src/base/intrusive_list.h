#pragma once

#include <cstddef>

namespace portcullis {

// A link that an object inherits in order to be in at most one list at a time. Its destruction unlinks the
// object, so a list never holds a dangling element.
template <typename Tag = void>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 protected:
  ~ListNode() { unlink(); }

 private:
  template <typename T, typename U>
  friend class IntrusiveList;
  ListNode* previous_ = nullptr;
  ListNode* next_ = nullptr;
};

// A doubly linked list that does not own its elements. T derives from ListNode<Tag>. Not thread-safe. All
// operations are O(1).
template <typename T, typename Tag = void>
class IntrusiveList {
 public:
  IntrusiveList() { sentinel().next_ = sentinel().previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) sentinel().next_->unlink();
    sentinel().next_ = sentinel().previous_ = nullptr;
  }

  bool empty() const { return sentinel().next_ == &head_; }
  T& front() { return *static_cast<T*>(sentinel().next_); }
  T& back() { return *static_cast<T*>(sentinel().previous_); }

  void push_front(T& item) { insert_before(*sentinel().next_, item); }
  void push_back(T& item) { insert_before(head_, item); }
  T& pop_front() {
    T& item = front();
    static_cast<ListNode<Tag>&>(item).unlink();
    return item;
  }

  // Moves every element of `other` to the back of this list.
  void splice_back(IntrusiveList& other) {
    if (other.empty()) return;
    ListNode<Tag>* first = other.sentinel().next_;
    ListNode<Tag>* last = other.sentinel().previous_;
    other.sentinel().next_ = other.sentinel().previous_ = &other.head_;
    ListNode<Tag>& head = sentinel();
    first->previous_ = head.previous_;
    head.previous_->next_ = first;
    last->next_ = &head;
    head.previous_ = last;
  }

  // Calls visit(T&) for each element. `visit` may unlink the element that it receives.
  template <typename Visit>
  void for_each(Visit visit) {
    for (ListNode<Tag>* node = sentinel().next_; node != &head_;) {
      ListNode<Tag>* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  static void insert_before(ListNode<Tag>& position, T& item) {
    ListNode<Tag>& node = item;
    node.unlink();
    node.previous_ = position.previous_;
    node.next_ = &position;
    position.previous_->next_ = &node;
    position.previous_ = &node;
  }

  struct Head : ListNode<Tag> {};
  ListNode<Tag>& sentinel() { return head_; }
  const ListNode<Tag>& sentinel() const { return head_; }

  Head head_;
};

}  // namespace portcullis

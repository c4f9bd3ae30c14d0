#pragma once

#include <string_view>

#include "config/policy_type.h"
#include "config/schema.h"

// What all objects have for those who maintain them.
namespace portcullis::config {

// True for a key or value of a label, and for a tag of a revision: 1 to 63 letters, digits, `.`, `_` and `-`.
bool is_label(std::string_view text);

// Labels, such as `team: orders`.
Type<TextMap> labels_type();

// Describes the members `labels` and `description` of a kind of objects.
template <typename S>
void add_labels(ObjectType<S>& type) {
  type.optional(
          "labels", &S::labels, labels_type(),
          "Labels, by which the admin API finds objects and limits tokens. Keys and values have 1 to 63 "
          "letters, digits, `.`, `_` and `-`.")
      .default_in_words("none")
      .optional("description", &S::description, text("'Orders of the shop'"), "A text for readers.");
}

}  // namespace portcullis::config

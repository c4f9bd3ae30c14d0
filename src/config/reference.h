#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/policy_type.h"

namespace portcullis::config {

// One object of the configuration, for the reference.
struct ReferenceSection {
  std::string title;  // its path, such as `listeners[].tls`, or a policy's name; empty for the top level
  const AnyObject* object;
};

// The whole description, in order. Texts are Markdown without links: words in backticks, paragraphs separated
// by empty lines.
struct Reference {
  AnyTypePointer whole;  // owns the objects of the sections
  std::string introduction;
  std::vector<ReferenceSection> sections;
  std::string about_policies;
  std::vector<ReferenceSection> policies;
};
Reference make_reference(const PolicyCatalog& catalog);

// The text next to the key of a field of `object`: "required", its default, or "".
std::string default_of(const AnyObject& object, const AnyObject::Field& field);

// The text of docs/configuration.md, generated from the description that the loader uses.
std::string reference_page(const PolicyCatalog& catalog);

}  // namespace portcullis::config

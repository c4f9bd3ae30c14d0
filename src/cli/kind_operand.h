#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "config/object.h"

namespace portcullis::cli {

// Which object a command is about: the values of its operands KIND and NAME.
struct KindAndName {
  std::string word;  // the kind as it was written
  std::string name;  // empty: none was given

  std::vector<Operand> operands();
  // Valid after parsing, which accepts only words of kinds.
  const config::ObjectKind* kind() const { return config::find_object_kind(word); }
  // Why the two do not go together; empty when they do.
  std::string refuse() const;
  // The path of the object in the admin API.
  std::string path() const;
  // "routes/orders"
  std::string title() const { return config::title_of(*kind(), name); }
};

// The option --config of commands that read objects of files instead of asking a gateway.
Option objects_file_option(std::string& config);

}  // namespace portcullis::cli

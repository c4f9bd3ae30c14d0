#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/output.h"
#include "config/diagnostics.h"
#include "config/yaml.h"

namespace portcullis::cli {

// Files that a command sends to a gateway: YAML or JSON as it was written, whose references (`${NAME}`) are
// not replaced, and the place of each value.
class AppliedFiles {
 public:
  // Reads a file or a folder (config/source_reader.h); `-` is standard input. Nothing when it cannot be read
  // or is not well formed; then the reason has been printed, and `failure` has the exit code.
  static std::optional<AppliedFiles> read(const std::string& path, Failure& failure);

  // The files are a configuration: keeps the objects, and remembers which settings of the node there were.
  // False when it has unknown keys or no objects, which has been printed.
  bool keep_objects();
  // The settings of the node that are not sent: key and place.
  const std::vector<std::pair<std::string, config::Location>>& skipped() const { return skipped_; }
  // Says on standard error which settings are not sent.
  void print_skipped() const;

  // The whole as JSON.
  nlohmann::json document() const;
  // The objects as the member `changes` of POST /v1/changes, which leaves other objects as they are.
  nlohmann::json changes() const;
  // The place of the value with that JSON pointer into document(), or into `{"changes": changes()}`.
  // `message`: the mistake at that place, because one that is about a key has the place of the key.
  config::Location place_of(std::string_view pointer, std::string_view message) const;

 private:
  struct Change {
    std::string kind, name;
    std::shared_ptr<config::YamlNode> value;
  };
  std::vector<Change> list_changes() const;

  std::shared_ptr<config::YamlNode> root_;
  std::vector<std::pair<std::string, config::Location>> skipped_;
};

// The option -f of commands that send files.
Option file_option(std::string& file, const std::string& summary);

}  // namespace portcullis::cli

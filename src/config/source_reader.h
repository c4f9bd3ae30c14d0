#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "config/diagnostics.h"
#include "config/sources.h"
#include "config/yaml.h"

namespace portcullis::config {

// Reads what a configuration is made of, and notes it in `sources`.
class SourceReader {
 public:
  SourceReader(Sources& sources, Diagnostics& diagnostics) : sources_(sources), diagnostics_(diagnostics) {}

  // The document at `path`: one file, or a folder, whose *.yaml, *.yml and *.json are read in the order of
  // their names and joined: lists are appended to each other, all else may be given once. Null after an
  // error.
  std::shared_ptr<YamlNode> read(const std::string& path);

  // Replaces `${NAME}` by that environment variable, and `${file:PATH}` by that file's content without its
  // last line end, in every scalar below `node`. A relative PATH starts at the folder of the file that names
  // it.
  void expand(YamlNode& node);

 private:
  std::shared_ptr<YamlNode> read_file(const std::string& path);
  std::shared_ptr<YamlNode> read_folder(const std::string& path);
  std::optional<std::string> content_of(const std::string& path, const Location& named_at);
  std::optional<std::string> value_of(const std::string& name, const Location& location);
  void expand(YamlNode& node, std::set<const YamlNode*>& done);
  void note(std::string_view text);

  Sources& sources_;
  Diagnostics& diagnostics_;
};

}  // namespace portcullis::config

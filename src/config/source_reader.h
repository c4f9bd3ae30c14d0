#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/sources.h"
#include "config/yaml.h"

namespace portcullis::config {

// Reads what a configuration is made of, and notes it in `sources`.
class SourceReader {
 public:
  SourceReader(Sources& sources, Diagnostics& diagnostics) : sources_(sources), diagnostics_(diagnostics) {}

  // The document at `path`: one file, or a folder, whose *.yaml, *.yml and *.json are read in the order of
  // their names and joined, those of a sub-folder at the place of its name: lists are appended to each other,
  // all else may be given once. Hidden files and folders are left out. Null after an error.
  std::shared_ptr<YamlNode> read(const std::string& path);

  // Replaces in every scalar below `node`: `${NAME}` by that environment variable, `${NAME:-TEXT}` by TEXT
  // where that one is not set or empty, `${file:PATH}` by that file's content without its last line end, and
  // `$${` by `${`. A relative PATH starts at the folder of the file that names it. What has no value is
  // reported once, and its scalar is silenced in the diagnostics. Keys of the author's own (`x-...`) of
  // `node` itself are left alone.
  void expand(YamlNode& node);

 private:
  using Spans = std::vector<std::pair<size_t, size_t>>;

  std::shared_ptr<YamlNode> read_file(const std::string& path);
  std::shared_ptr<YamlNode> read_folder(const std::string& path);
  bool list_files(const std::string& folder, size_t depth, std::vector<std::string>& files);
  std::optional<std::string> content_of(const std::string& path, const Location& named_at);
  void expand_below(YamlNode& node);
  void expand_child(const std::shared_ptr<YamlNode>& child);
  bool expand_text(std::string_view text, const Location& location, std::string& out, Spans& inserted);
  bool append_value(std::string_view reference, const Location& location, std::string& out);
  void note(std::string_view text);

  Sources& sources_;
  Diagnostics& diagnostics_;
  std::set<const YamlNode*> expanded_;  // of those that several places share
  std::set<std::string> missing_;       // variables that have been reported
};

}  // namespace portcullis::config

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

class KeptItems;

// Reads the files of a configuration, and records them in `sources`.
class SourceReader {
 public:
  // `kept`: elements that need not be parsed again; may be null.
  SourceReader(Sources& sources, Diagnostics& diagnostics, const KeptItems* kept = nullptr)
      : sources_(sources), diagnostics_(diagnostics), kept_(kept) {}

  // Reads the document at `path`: a file, or a folder, whose *.yaml, *.yml and *.json files are read in the
  // order of their names and joined, with a sub-folder's files at the position of its name. Lists are
  // appended to each other; any other key may be given once. Hidden files and folders are skipped. Null after
  // an error.
  std::shared_ptr<YamlNode> read(const std::string& path);

  // Replaces references in every scalar below `node`: `${NAME}` by the environment variable, `${NAME:-TEXT}`
  // by TEXT when the variable is not set or empty, `${file:PATH}` by the content of the file without its last
  // line end, and `$${` by `${`. A relative PATH starts at the folder of the file that contains the
  // reference. A reference without a value is reported once, and its scalar is silenced in the diagnostics.
  // Extension keys (`x-...`) of `node` itself are not changed.
  void expand(YamlNode& node);
  // As expand(), for an object by itself: also references in its extension keys are replaced.
  void expand_object(YamlNode& object) { expand_below(object); }

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
  const KeptItems* const kept_;
  std::set<const YamlNode*> expanded_;  // shared nodes that have been expanded
  std::set<std::string> missing_;       // variables that have been reported
  size_t references_ = 0;               // how many scalars with references there have been
};

}  // namespace portcullis::config

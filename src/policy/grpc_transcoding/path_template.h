#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace portcullis::policy::grpc_transcoding {

// A path template of google.api.http (the grammar is in google/api/http.proto):
// "/v1/{name=shelves/*}:archive".
struct PathTemplate {
  enum class Kind : uint8_t { kLiteral, kOne, kRest };  // a word, `*`, `**`
  struct Segment {
    Kind kind;
    std::string word{};
  };
  struct Variable {
    std::string field;  // "shelf.name"
    size_t begin, end;  // the segments that the variable stands for, without `end`
  };

  std::vector<Segment> segments{};
  std::vector<Variable> variables{};
  std::string verb{};  // the text after the last ':'

  static Result<PathTemplate> parse(std::string_view text);

  // The decoded values of the variables in `path`, which must match the template. In a variable of several
  // segments %2F is not decoded, because a decoded slash would look like a separator.
  std::vector<std::string> values_in(std::string_view path) const;
};

// Finds the template that matches a request's path and method. At each segment a word has precedence over
// `*`, and `*` over `**`. Immutable after the last add().
class PathTree {
 public:
  // Adds a template, for which find() returns `value`. False when another template has the same path and
  // method.
  bool add(const PathTemplate& path, const std::string& method, size_t value);
  std::optional<size_t> find(std::string_view method, std::string_view path) const;

 private:
  struct End {
    std::string method, verb;
    size_t value;
  };
  using Ends = std::vector<End>;
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> words{};
    std::unique_ptr<Node> one{};
    Ends here{};
    Ends rest{};  // templates whose `**` begins at this node
  };
  struct Wanted {
    std::string_view method, verb;
  };

  static std::optional<size_t> find_end(const Ends& ends, const Wanted& wanted);
  static std::optional<size_t> descend(const Node& node, const std::vector<std::string_view>& segments,
                                       size_t at, const Wanted& wanted);

  Node root_;
};

}  // namespace portcullis::policy::grpc_transcoding

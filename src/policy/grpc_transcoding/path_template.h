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
    size_t begin, end;  // which segments it is
  };

  std::vector<Segment> segments{};
  std::vector<Variable> variables{};
  std::string verb{};  // after the last ':'

  static Result<PathTemplate> parse(std::string_view text);

  // The values of the variables in `path`, which must match, decoded. What a variable of several segments has
  // of %2F stays, for there it is no separator.
  std::vector<std::string> values_in(std::string_view path) const;
};

// Finds the template that a request's path and method match: at each segment a word wins over `*`, and that
// over `**`. Immutable once it is built.
class PathTree {
 public:
  // False when another has the same path and method. `value`: what find() returns for it.
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
    Ends rest{};  // `**` begins here
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

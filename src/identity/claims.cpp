#include "identity/claims.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace portcullis::identity {
namespace {

constexpr size_t kMaxBytes = 64 * 1024;

// The thread's parser keeps its memory, so that verifying a token allocates little.
std::optional<simdjson::dom::object> parse_object(std::string_view json) {
  thread_local simdjson::dom::parser parser(kMaxBytes);
  simdjson::dom::object object;
  if (json.size() > kMaxBytes || parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    return std::nullopt;
  return object;
}

// The member whose flattened name is `name`.
std::optional<simdjson::dom::element> find_member(const simdjson::dom::object& object,
                                                  std::string_view name) {
  for (const auto& [key, value] : object) {
    if (key == name) return value;
    simdjson::dom::object inner;
    if (name.size() <= key.size() || name[key.size()] != '.' || !name.starts_with(key) ||
        value.get(inner) != simdjson::SUCCESS)
      continue;
    if (const auto found = find_member(inner, name.substr(key.size() + 1))) return found;
  }
  return std::nullopt;
}

}  // namespace

// Flattens a parsed object. Texts are first collected in the storage, and become views once the storage no
// longer moves.
class ClaimsReader {
 public:
  std::shared_ptr<const Claims> read(std::string_view json) {
    const auto object = parse_object(json);
    if (!object || !add_object(*object, "", 0) || has_duplicates()) return nullptr;
    auto claims = std::make_shared<Claims>();
    claims->json_ = json;
    claims->storage_ = std::move(text_);
    claims->members_ = std::move(names_);
    claims->claims_.reserve(pieces_.size());
    const std::string_view storage = claims->storage_;
    for (const Piece& piece : pieces_) {
      claims->claims_.push_back({storage.substr(piece.name, piece.name_size),
                                 storage.substr(piece.value, piece.value_size), piece.kind, piece.in_array});
    }
    return claims;
  }

 private:
  struct Piece {
    size_t name, name_size, value, value_size;
    Claims::Kind kind;
    bool in_array;
  };

  bool add_object(const simdjson::dom::object& object, const std::string& prefix, int depth) {
    if (depth > kMaxDepth) return false;
    for (const auto& [key, value] : object) {
      const std::string name = prefix + std::string(key);
      names_.push_back(name);
      if (!add(name, value, depth, false)) return false;
    }
    return true;
  }

  bool add(const std::string& name, const simdjson::dom::element& value, int depth, bool in_array) {
    using simdjson::dom::element_type;
    switch (value.type()) {
      case element_type::OBJECT:
        // Objects within arrays have no name, so they are not flattened.
        return in_array || add_object(simdjson::dom::object(value), name + ".", depth + 1);
      case element_type::ARRAY:
        for (const simdjson::dom::element one : simdjson::dom::array(value)) {
          if (one.type() != element_type::ARRAY && !add(name, one, depth, true)) return false;
        }
        return true;
      case element_type::STRING:
        keep(name, std::string_view(value), Claims::Kind::kText, in_array);
        return true;
      case element_type::INT64:
      case element_type::UINT64:
      case element_type::DOUBLE:
        keep(name, simdjson::minify(value), Claims::Kind::kNumber, in_array);
        return true;
      case element_type::BOOL:
        keep(name, simdjson::minify(value), Claims::Kind::kBoolean, in_array);
        return true;
      case element_type::NULL_VALUE: keep(name, "null", Claims::Kind::kNull, in_array); return true;
    }
    return false;
  }

  void keep(std::string_view name, std::string_view value, Claims::Kind kind, bool in_array) {
    pieces_.push_back({text_.size(), name.size(), text_.size() + name.size(), value.size(), kind, in_array});
    text_ += name;
    text_ += value;
  }

  bool has_duplicates() {
    std::sort(names_.begin(), names_.end());
    return std::adjacent_find(names_.begin(), names_.end()) != names_.end();
  }

  static constexpr int kMaxDepth = 8;
  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<std::string> names_;  // one for each member, whatever its value
};

std::shared_ptr<const Claims> Claims::parse(std::string_view json) {
  return ClaimsReader().read(json);
}

const Claims::Claim* Claims::find(std::string_view name) const {
  for (const Claim& claim : claims_) {
    if (claim.name == name) return &claim;
  }
  return nullptr;
}

std::string_view Claims::text_of(std::string_view name) const {
  const Claim* claim = find(name);
  return claim == nullptr || claim->in_array || claim->kind == Kind::kNull ? std::string_view() : claim->text;
}

std::string_view Claims::joined_text_of(std::string_view name, Arena& arena) const {
  const auto counts = [&](const Claim& claim) { return claim.name == name && claim.kind != Kind::kNull; };
  const auto first = std::find_if(claims_.begin(), claims_.end(), counts);
  if (first == claims_.end()) return {};
  if (!first->in_array) return first->text;
  size_t size = 0;
  for (auto claim = first; claim != claims_.end(); ++claim) {
    if (counts(*claim)) size += 3 * claim->text.size() + 1;
  }
  char* const text = arena.allocate(size, 1);
  char* end = text;
  for (auto claim = first; claim != claims_.end(); ++claim) {
    if (!counts(*claim)) continue;
    if (end != text) *end++ = ',';
    for (const char c : claim->text) {
      if (c == ',' || c == '%') {
        end = std::copy_n(c == ',' ? "%2C" : "%25", 3, end);
      } else {
        *end++ = c;
      }
    }
  }
  return {text, static_cast<size_t>(end - text)};
}

std::string Claims::json_of(std::string_view name) const {
  const auto object = parse_object(json_);
  const auto member = object ? find_member(*object, name) : std::nullopt;
  return !member || member->is_null() ? std::string() : simdjson::minify(*member);
}

bool Claims::is_compound(std::string_view name) const {
  const Claim* claim = find(name);
  return claim == nullptr ? has_member(name) : claim->in_array;
}

bool Claims::has_value(std::string_view name) const {
  const Claim* claim = find(name);
  return has_member(name) && (claim == nullptr || claim->in_array || claim->kind != Kind::kNull);
}

bool Claims::has_member(std::string_view name) const {
  return std::binary_search(members_.begin(), members_.end(), name);
}

bool Claims::has(std::string_view name, std::string_view text) const {
  return std::any_of(claims_.begin(), claims_.end(), [&](const Claim& claim) {
    return claim.name == name && claim.kind != Kind::kNull && claim.text == text;
  });
}

bool Claims::has_scope(std::string_view scope) const {
  if (scope.empty()) return false;
  for (const Claim& claim : claims_) {
    if (claim.kind != Kind::kText || (claim.name != "scope" && claim.name != "scp")) continue;
    for (std::string_view rest = claim.text; !rest.empty();) {
      const size_t space = rest.find(' ');
      if (rest.substr(0, space) == scope) return true;
      rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    }
  }
  return false;
}

}  // namespace portcullis::identity

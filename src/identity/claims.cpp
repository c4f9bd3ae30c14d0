#include "identity/claims.h"

#include <simdjson.h>

#include <algorithm>
#include <functional>

namespace portcullis::identity {

// Flattens a parsed object. Texts are gathered first and become views once the storage moves no more.
class ClaimsReader {
 public:
  std::shared_ptr<const Claims> read(std::string_view json) {
    // Parsers keep their memory, so that a verified token costs few allocations.
    thread_local simdjson::dom::parser parser(kMostBytes);
    if (json.size() > kMostBytes) return nullptr;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return nullptr;
    if (!add_object(object, "", 0) || has_duplicates()) return nullptr;
    auto claims = std::make_shared<Claims>();
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
    if (depth > kMostDepth) return false;
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
        // Objects within arrays have no name of their own.
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
      default: keep(name, simdjson::minify(value), Claims::Kind::kOther, in_array); return true;
    }
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

  static constexpr size_t kMostBytes = 64 * 1024;
  static constexpr int kMostDepth = 8;
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

bool Claims::has_member(std::string_view name) const {
  return std::binary_search(members_.begin(), members_.end(), name);
}

bool Claims::has(std::string_view name, std::string_view text) const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [&](const Claim& claim) { return claim.name == name && claim.text == text; });
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

#include "routing/route_index.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "routing/pattern.h"

namespace portcullis::routing {
namespace {

using Kind = PatternKind;

constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};
MethodSet method_set(const std::vector<std::string>& methods) {
  if (methods.empty()) return kAnyMethod;
  MethodSet set = 0;
  for (const std::string& method : methods) {
    const MethodSet bit = method_bit(method);
    set = static_cast<MethodSet>(set | (bit == 0 ? kOtherMethods : bit));
  }
  return set;
}

// The place of a rule in the table: all rules of one place are found by the same pattern.
struct Entry {
  uint32_t host;
  Kind kind;
  std::string_view text;  // of a Match, or of a pattern whose parameters have lost their names
  uint64_t hash;          // of `text`, which is compared only when the rest is equal

  bool operator<(const Entry& other) const {
    return std::tie(hash, host, kind, text) < std::tie(other.hash, other.host, other.kind, other.text);
  }
};
using Placed = std::pair<Entry, Candidate>;

// The kind and the text of the pattern of `match`, for any host. `renamed` keeps texts without the names of
// parameters, which do not distinguish patterns.
Entry entry_of(const Match& match, std::deque<std::string>& renamed) {
  // The text of an expression stays empty: all expressions of a host form one list.
  if (!match.path_regex.empty()) return {kAnyHost, Kind::kRegex, {}, 0};
  if (!match.path.empty()) {
    if (match.path.find("/{") == std::string::npos)
      return {kAnyHost, Kind::kExact, match.path, hash_bytes(match.path)};
    const std::string& text = renamed.emplace_back(without_parameter_names(match.path));
    return {kAnyHost, Kind::kParameters, text, hash_bytes(text)};
  }
  Entry entry{kAnyHost, Kind::kPrefix, match.path_prefix, 0};
  // "/v1/" and "/v1" are the same prefix; "/" matches all paths.
  if (entry.text.ends_with('/')) entry.text.remove_suffix(1);
  entry.hash = hash_bytes(entry.text);
  return entry;
}

template <typename T, typename Less>
void keep_distinct(std::vector<T>& items, Less less) {
  std::sort(items.begin(), items.end(), less);
  const auto same = [&](const T& a, const T& b) { return !less(a, b) && !less(b, a); };
  items.erase(std::unique(items.begin(), items.end(), same), items.end());
}

}  // namespace

// The bit of a common method; 0 for other methods.
MethodSet method_bit(std::string_view method) {
  for (size_t i = 0; i < std::size(kMethods); ++i) {
    if (kMethods[i] == method) return static_cast<MethodSet>(1u << i);
  }
  return 0;
}

// Lists the rules by their entries. The rules of one entry stay in their order.
struct RouteTable::Index::Builder {
  explicit Builder(Index& of) : index(of) {}

  void place_rules() {
    placed.reserve(index.rules.size());
    for (uint32_t route = 0; route < index.rules.size(); ++route) {
      const RouteRule& rule = index.rules[route];
      const Match& match = *rule.match;
      const bool conditional = !match.headers.empty() || !match.query.empty() || !rule.listeners.empty();
      if (conditional)
        index.predicates.emplace(std::piecewise_construct, std::forward_as_tuple(route),
                                 std::forward_as_tuple(match.headers, match.query));
      const Candidate candidate{route, method_set(match.methods), conditional};
      Entry entry = entry_of(match, renamed);
      if (match.hosts.empty()) placed.emplace_back(entry, candidate);
      for (const std::string& host : match.hosts) {
        entry.host = index.host_id(host);
        placed.emplace_back(entry, candidate);
      }
    }
    std::stable_sort(placed.begin(), placed.end(),
                     [](const Placed& one, const Placed& other) { return one.first < other.first; });
  }

  void add_patterns() {
    size_t text_bytes = 0;
    for (const auto& [entry, candidate] : placed) text_bytes += entry.text.size();
    index.patterns.reserve(placed.size(), text_bytes);
    std::vector<Candidate> candidates;
    for (size_t begin = 0, end = 0; begin < placed.size(); begin = end) {
      const Entry& entry = placed[begin].first;
      candidates.clear();
      for (end = begin; end < placed.size() && !(entry < placed[end].first); ++end)
        candidates.push_back(placed[end].second);
      index.sort_by_precedence(candidates);
      entry.kind == Kind::kRegex ? add_expressions(entry, candidates) : add_pattern(entry, candidates);
    }
  }

  void add_expressions(const Entry& entry, const std::vector<Candidate>& candidates) {
    for (const Candidate& one : candidates)
      index.hosts[entry.host].expressions.push_back(
          {one, std::make_shared<re2::RE2>(index.rules[one.route].match->path_regex, re2::RE2::Quiet)});
  }

  void add_pattern(const Entry& entry, const std::vector<Candidate>& candidates) {
    const PatternStore::Place place = index.patterns.add(candidates, entry.kind, entry.text);
    Host& host = index.hosts[entry.host];
    if (entry.text.empty()) {
      host.match_all = place;
      return;
    }
    Shape shape{0, 0};
    hashes.clear();
    for (std::string_view rest = entry.text; !rest.empty(); ++shape.segments) {
      const std::string_view segment = next_segment(rest);
      const bool parameter = entry.kind == Kind::kParameters && is_parameter(segment);
      if (parameter) shape.mask |= uint64_t{1} << (63 - shape.segments);
      hashes.push_back(parameter ? kParameterHash : hash_bytes(segment));
    }
    uint64_t hash = seed_for(entry.host, entry.kind, entry.kind == Kind::kPrefix ? 0 : shape.segments);
    for (const uint64_t segment : hashes) hash = hash_mix(hash, segment);
    if (entry.kind == Kind::kParameters) {
      host.shapes.push_back(shape);
    } else if (entry.kind == Kind::kPrefix) {
      host.prefix_sizes.push_back(static_cast<uint32_t>(shape.segments));
    }
    index.patterns.index(place, hash);
  }

  // The order in which the patterns of a host are looked for.
  void order_patterns() {
    for (Host& host : index.hosts) {
      keep_distinct(host.shapes, [](const Shape& a, const Shape& b) {
        return std::tie(a.segments, a.mask) < std::tie(b.segments, b.mask);
      });
      keep_distinct(host.prefix_sizes, std::greater<>());
    }
  }

  Index& index;
  std::deque<std::string> renamed;
  std::vector<Placed> placed;
  std::vector<uint64_t> hashes;  // of a pattern's segments
};

void RouteTable::Index::build() {
  hosts.emplace_back();
  Builder builder(*this);
  builder.place_rules();
  builder.add_patterns();
  builder.order_patterns();
}

}  // namespace portcullis::routing

#include "config/kept_items.h"

#include <optional>

#include "config/item_text.h"

namespace portcullis::config {
namespace {

// Parsing elements one by one costs more for each of them than parsing all at once.
constexpr size_t kMaxNewShare = 8;  // of the elements, at most one in so many may be new

using Found = std::vector<std::shared_ptr<KeptItem>>;

// The known elements of the list, null for each new one. Empty when too many are new. Of two elements with
// the same text, the second one counts as new: they have different lines.
Found find_known(const ListText& list, const FileName& file, const KeptItems& kept) {
  Found out;
  out.reserve(list.items.size());
  size_t fresh = 0;
  std::unordered_map<const KeptItem*, bool> taken;
  for (const ItemText& one : list.items) {
    out.push_back(kept.find(file, one.text));
    if (out.back() != nullptr && !taken.emplace(out.back().get(), true).second) out.back() = nullptr;
    fresh += out.back() == nullptr ? 1 : 0;
    if (fresh > list.items.size() / kMaxNewShare) return {};
  }
  return out;
}

// Parses one element by itself. Null when it is not whole, or depends on other parts of the file.
std::shared_ptr<YamlNode> parse_item(const ItemText& item, const FileName& file, Diagnostics& diagnostics) {
  const YamlText text{item.text, file.part(), item.line};
  YamlPart part = parse_yaml_part(text, diagnostics);
  if (part.root == nullptr || part.depends || part.root->kind != YamlNode::Kind::kSequence ||
      part.root->items.size() != 1)
    return nullptr;
  const std::shared_ptr<YamlNode>& node = part.root->items.front();
  node->item = std::make_shared<KeptItem>(
      KeptItem{std::string(item.text), text.file, item.line, std::move(part.hints)});
  return node;
}

// The whole document, of which only what is new has been parsed. Null when all of it has to be parsed.
std::shared_ptr<YamlNode> parse_new(std::string_view text, const FileName& file, const ListText& list,
                                    const Found& known, Diagnostics& diagnostics) {
  const std::string others = without_items(text, list);
  const auto root = parse_yaml_part({others, file, 1}, diagnostics).root;
  if (root == nullptr || root->kind != YamlNode::Kind::kMapping) return nullptr;
  std::shared_ptr<YamlNode> routes;
  for (const auto& [key, value] : root->members) {
    if (key->scalar == KeptItems::kList && key->location.line_read == list.line) routes = value;
  }
  if (routes == nullptr || routes->kind != YamlNode::Kind::kNull || routes.use_count() > 2) return nullptr;
  routes->kind = YamlNode::Kind::kSequence;
  routes->location = {file, list.items.front().line, list.column};
  routes->items.reserve(known.size());
  for (size_t i = 0; i < known.size(); ++i) {
    if (known[i] == nullptr) {
      auto node = parse_item(list.items[i], file, diagnostics);
      if (node == nullptr) return nullptr;
      routes->items.push_back(std::move(node));
      continue;
    }
    auto node = std::make_shared<YamlNode>();
    node->kind = YamlNode::Kind::kKept;
    node->item = known[i];
    routes->items.push_back(std::move(node));
  }
  return root;
}

}  // namespace

std::shared_ptr<KeptItem> KeptItems::find(const FileName& file, std::string_view text) const {
  const auto found = items_.find(text);
  return found != items_.end() && found->second->file == file ? found->second : nullptr;
}

void KeptItems::replace(const std::vector<std::shared_ptr<KeptItem>>& items) {
  items_.clear();
  items_.reserve(items.size());
  for (const std::shared_ptr<KeptItem>& one : items) items_[one->text] = one;
}

std::shared_ptr<YamlNode> parse_yaml_keeping(std::string_view text, const std::string& file,
                                             const KeptItems& kept, Diagnostics& diagnostics) {
  const FileName name(file);
  const std::optional<ListText> list = find_list(text, KeptItems::kList);
  if (!list) return parse_yaml(text, file, diagnostics);
  const Found known = find_known(*list, name, kept);
  if (!known.empty()) {
    Diagnostics found;
    auto root = parse_new(text, name, *list, known, found);
    if (root != nullptr && !found.has_errors()) {
      // From now on the locations in elements are those in the new text.
      for (size_t i = 0; i < known.size(); ++i) {
        if (known[i] == nullptr) continue;
        known[i]->file.move(static_cast<ptrdiff_t>(list->items[i].line) -
                            static_cast<ptrdiff_t>(known[i]->line));
        for (const auto& [place, hint] : known[i]->hints) found.add_hint(place, hint);
      }
      diagnostics.take_notes(std::move(found));
      return root;
    }
  }
  return parse_yaml(text, file, diagnostics, &*list);
}

}  // namespace portcullis::config

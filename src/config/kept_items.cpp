#include "config/kept_items.h"

#include <algorithm>
#include <optional>

#include "base/hash.h"
#include "config/node_memory.h"

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
  for (const ItemText& one : list.items) {
    // What follows the last element may belong to it, as the rest of a text in quotes: so it is parsed, which
    // shows whether it is whole.
    const bool is_last = &one == &list.items.back();
    std::shared_ptr<KeptItem> found = is_last ? nullptr : kept.find(file, one.text);
    // The second of two elements with the same text has lines of its own.
    if (found != nullptr && found->found) found = nullptr;
    if (found != nullptr) found->found = true;
    fresh += found == nullptr ? 1 : 0;
    out.push_back(std::move(found));
    if (fresh > list.items.size() / kMaxNewShare + 1) break;
  }
  for (const std::shared_ptr<KeptItem>& one : out) {
    if (one != nullptr) one->found = false;
  }
  if (out.size() < list.items.size()) out.clear();
  return out;
}

// Parses one element by itself. Null when it is not whole, or depends on other parts of the file.
std::shared_ptr<YamlNode> parse_item(std::shared_ptr<KeptItem> item, Diagnostics& diagnostics) {
  constexpr size_t kDepth = 1;  // of the list
  YamlPart part = parse_yaml_part({item->text, item->file, item->line, kDepth}, diagnostics);
  if (part.root == nullptr || part.depends || part.is_flow || part.root->kind != YamlNode::Kind::kSequence ||
      part.root->items.size() != 1)
    return nullptr;
  item->hints = std::move(part.hints);
  part.root->items.front()->item = std::move(item);
  return part.root->items.front();
}

// The whole document, of which only what is new has been parsed. Null when all of it has to be parsed.
std::shared_ptr<YamlNode> parse_new(std::string_view text, const FileName& file, const ListText& list,
                                    const Found& known, Diagnostics& diagnostics) {
  const std::string others = without_items(text, list);
  const YamlPart part = parse_yaml_part({others, file}, diagnostics);
  const std::shared_ptr<YamlNode>& root = part.root;
  if (root == nullptr || part.is_flow || root->kind != YamlNode::Kind::kMapping) return nullptr;
  std::shared_ptr<YamlNode> routes;
  for (const auto& [key, value] : root->members) {
    if (key->scalar == KeptItems::kList && key->location.line_read == list.line) routes = value;
  }
  if (routes == nullptr || routes->kind != YamlNode::Kind::kNull || routes.use_count() > 2) return nullptr;
  routes->kind = YamlNode::Kind::kSequence;
  routes->location = {file, list.items.front().line, list.column};
  routes->items.reserve(known.size());
  const NodeAllocator<YamlNode> memory(std::make_shared<NodeMemory>());
  for (size_t i = 0; i < known.size(); ++i) {
    if (known[i] == nullptr) {
      // Each by itself, so that none keeps the memory of the others.
      auto node = parse_item(make_kept_items({list.items[i]}, file).front(), diagnostics);
      if (node == nullptr) return nullptr;
      routes->items.push_back(std::move(node));
      continue;
    }
    auto node = std::allocate_shared<YamlNode>(memory);
    node->kind = YamlNode::Kind::kKept;
    node->item = known[i];
    node->object = known[i]->object;
    routes->items.push_back(std::move(node));
  }
  return root;
}

}  // namespace

std::vector<std::shared_ptr<KeptItem>> make_kept_items(const std::vector<ItemText>& items,
                                                       const FileName& file) {
  struct Together {
    std::string text;
    std::vector<KeptItem> items;
  };
  const auto together = std::make_shared<Together>();
  size_t size = 0;
  for (const ItemText& one : items) size += one.text.size();
  together->text.reserve(size);
  for (const ItemText& one : items) together->text += one.text;
  together->items.reserve(items.size());
  std::vector<std::shared_ptr<KeptItem>> out;
  out.reserve(items.size());
  const std::vector<FileName> parts = file.parts(items.size());
  size_t begin = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string_view text = std::string_view(together->text).substr(begin, items[i].text.size());
    begin += text.size();
    together->items.push_back({text, parts[i], items[i].line});
    out.push_back(std::shared_ptr<KeptItem>(together, &together->items.back()));
  }
  return out;
}

std::shared_ptr<KeptItem> KeptItems::find(const FileName& file, std::string_view text) const {
  const uint64_t hash = hash_bytes(text);
  auto found = std::lower_bound(items_.begin(), items_.end(), hash,
                                [](const Entry& entry, uint64_t wanted) { return entry.hash < wanted; });
  for (; found != items_.end() && found->hash == hash; ++found) {
    if (found->item->text == text && found->item->file == file) return found->item;
  }
  return nullptr;
}

void KeptItems::replace(const std::vector<std::shared_ptr<KeptItem>>& items) {
  // Elements that were made together have their memory together. What is made of an element goes earlier,
  // with the last configuration that has it.
  for (const std::shared_ptr<KeptItem>& one : items) one->found = true;
  for (const Entry& one : items_) {
    if (!one.item->found) one.item->object = nullptr;
  }
  for (const std::shared_ptr<KeptItem>& one : items) one->found = false;
  items_.clear();
  items_.reserve(items.size());
  for (const std::shared_ptr<KeptItem>& one : items) items_.push_back({hash_bytes(one->text), one});
  std::sort(items_.begin(), items_.end(),
            [](const Entry& one, const Entry& other) { return one.hash < other.hash; });
}

std::shared_ptr<YamlNode> parse_yaml_keeping(std::string_view text, const std::string& file,
                                             const KeptItems* kept, Diagnostics& diagnostics) {
  if (kept == nullptr) return parse_yaml(text, file, diagnostics);
  const FileName name(file);
  const std::optional<ListText> list = find_list(text, KeptItems::kList);
  if (!list) return parse_yaml(text, file, diagnostics);
  const Found known = find_known(*list, name, *kept);
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

#include "config/yaml.h"

#include <yaml.h>

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "config/item_text.h"
#include "config/kept_items.h"
#include "config/node_memory.h"
#include "config/yaml_faults.h"
#include "config/yaml_text.h"

namespace portcullis::config {
namespace {

constexpr size_t kMaxDepth = 64;

// The keys that a mapping has so far.
class GivenKeys {
 public:
  explicit GivenKeys(const YamlNode& mapping) : mapping_(mapping) {}

  bool has(std::string_view key) {
    const auto& members = mapping_.members;
    if (members.size() <= kFew) return mapping_.find(key) != nullptr;
    for (; sorted_ < members.size(); ++sorted_) all_.insert(members[sorted_].first->scalar);
    return all_.contains(key);
  }

 private:
  static constexpr size_t kFew = 12;  // as many are looked through one by one

  const YamlNode& mapping_;
  std::set<std::string_view> all_;  // of the first `sorted_` members
  size_t sorted_ = 0;
};

// Builds the tree from libyaml's events, which carry exact positions.
class Builder {
 public:
  // `list`: see parse_yaml().
  Builder(const YamlText& part, const ListText* list, Diagnostics& diagnostics)
      : text_(part.text),
        file_(part.file),
        first_line_(part.line),
        depth_(part.depth),
        list_(list),
        diagnostics_(diagnostics) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text_.data()),
                                 text_.size());
  }
  ~Builder() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }

  bool depends() const { return depends_; }
  bool is_flow() const { return is_flow_; }
  const Hints& hints() const { return hints_; }

  std::shared_ptr<YamlNode> document() {
    std::shared_ptr<YamlNode> root;
    while (advance()) {
      switch (event_.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_DOCUMENT_START_EVENT:
          if (root) {
            error("a second YAML document begins here: a configuration file must have only one");
            return nullptr;
          }
          if (!advance()) return nullptr;
          is_flow_ = (event_.type == YAML_MAPPING_START_EVENT &&
                      event_.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE) ||
                     (event_.type == YAML_SEQUENCE_START_EVENT &&
                      event_.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
          if (!(root = node(depth_))) return nullptr;
          break;
        case YAML_STREAM_END_EVENT:
          if (!root) {
            root = std::make_shared<YamlNode>();
            root->location = {file_, first_line_, 1};
          }
          for (const auto& [place, hint] : hints_) diagnostics_.add_hint(place, hint);
          return root;
        default: error("this content is not expected here"); return nullptr;
      }
    }
    return nullptr;
  }

 private:
  bool advance() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_)) return true;
    const YamlFault fault{parser_.problem != nullptr ? parser_.problem : "cannot be read as YAML",
                          parser_.context != nullptr ? parser_.context : "", place_of(parser_.problem_mark),
                          place_of(parser_.context_mark)};
    std::optional<Trap> trap = find_trap(text_, fault.at);
    if (!trap) trap = explain_yaml_fault(text_, fault);
    diagnostics_.error(trap->location, trap->message);
    event_ = {};
    return false;
  }

  Location place_of(const yaml_mark_t& mark) const {
    return {file_, mark.line + first_line_, mark.column + 1};
  }

  void error(const std::string& message) { diagnostics_.error(place_of(event_.start_mark), message); }

  // True when the tag of a node may be ignored. Tags of YAML's own types add nothing to the schema; any other
  // tag would have an effect that the gateway does not support, so it is an error.
  bool takes_tag(const yaml_char_t* tag) {
    static constexpr std::string_view kYamls = "tag:yaml.org,2002:";
    const std::string_view text = tag == nullptr ? "!" : reinterpret_cast<const char*>(tag);
    if (text == "!") return true;
    for (const std::string_view type : {"str", "int", "float", "bool", "null", "seq", "map"}) {
      if (text.starts_with(kYamls) && text.substr(kYamls.size()) == type) return true;
    }
    const std::string shown =
        text.starts_with(kYamls) ? "!!" + std::string(text.substr(kYamls.size())) : std::string(text);
    error("the tag `" + shown +
          "` is not supported: a variable of the environment is written `${NAME}`, and the content of a file "
          "`${file:PATH}`; a text that begins with `!` must stand in quotes");
    return false;
  }

  void remember(const std::optional<std::string>& anchor, const std::shared_ptr<YamlNode>& made) {
    if (!anchor) return;
    depends_ = true;
    anchors_[*anchor] = made;
  }

  // Reads the node that the current event begins. `list`: what is known of the items of a sequence; or null.
  std::shared_ptr<YamlNode> node(size_t depth, const ListText* list = nullptr) {
    if (depth > kMaxDepth) {
      error("nested too deeply");
      return nullptr;
    }
    auto made = std::allocate_shared<YamlNode>(NodeAllocator<YamlNode>(memory_));
    made->location = place_of(event_.start_mark);
    switch (event_.type) {
      case YAML_SCALAR_EVENT: {
        if (!takes_tag(event_.data.scalar.tag)) return nullptr;
        made->scalar.assign(reinterpret_cast<const char*>(event_.data.scalar.value),
                            event_.data.scalar.length);
        made->quoted = event_.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        const bool null =
            !made->quoted && (made->scalar.empty() || made->scalar == "~" || made->scalar == "null");
        made->kind = null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
        add_hints(*made);
        remember(anchor_text(event_.data.scalar.anchor), made);
        return made;
      }
      case YAML_SEQUENCE_START_EVENT: {
        if (!takes_tag(event_.data.sequence_start.tag)) return nullptr;
        made->kind = YamlNode::Kind::kSequence;
        const auto anchor = anchor_text(event_.data.sequence_start.anchor);
        if (!read_items(*made, depth, list)) return nullptr;
        remember(anchor, made);
        return made;
      }
      case YAML_MAPPING_START_EVENT: {
        if (!takes_tag(event_.data.mapping_start.tag)) return nullptr;
        made->kind = YamlNode::Kind::kMapping;
        const auto anchor = anchor_text(event_.data.mapping_start.anchor);
        if (!read_members(*made, depth)) return nullptr;
        remember(anchor, made);
        return made;
      }
      case YAML_ALIAS_EVENT: {
        depends_ = true;
        const auto found = anchors_.find(reinterpret_cast<const char*>(event_.data.alias.anchor));
        if (found == anchors_.end()) {
          const std::string name = reinterpret_cast<const char*>(event_.data.alias.anchor);
          error("the alias `*" + name + "` has no anchor `&" + name +
                "` before it; a text that begins with `*` must stand in quotes");
          return nullptr;
        }
        return found->second;
      }
      default: error("this content is not expected here"); return nullptr;
    }
  }

  // Reads the items of the sequence that the current event begins, up to its end. False after an error.
  bool read_items(YamlNode& sequence, size_t depth, const ListText* list) {
    std::vector<std::shared_ptr<KeptItem>> kept;
    if (list != nullptr) kept = make_kept_items(list->items, file_);
    for (;;) {
      if (!advance()) return false;
      if (event_.type == YAML_SEQUENCE_END_EVENT) break;
      auto item = list != nullptr ? listed(*list, kept, sequence.items.size(), depth + 1) : node(depth + 1);
      if (!item) return false;
      sequence.items.push_back(std::move(item));
    }
    if (list == nullptr || list->items.size() == sequence.items.size()) return true;
    for (const auto& item : sequence.items) item->item = nullptr;
    return true;
  }

  // Reads the item of the list with that index, and gives it its text, which is in `kept`, unless it depends
  // on other parts.
  std::shared_ptr<YamlNode> listed(const ListText& list, const std::vector<std::shared_ptr<KeptItem>>& kept,
                                   size_t index, size_t depth) {
    const size_t line = event_.start_mark.line + first_line_;
    const bool fits = index < list.items.size() && line >= list.items[index].line &&
                      (index + 1 == list.items.size() || line < list.items[index + 1].line);
    if (!fits) return node(depth);
    const FileName whole = std::exchange(file_, kept[index]->file);
    depends_ = false;
    const auto hints = static_cast<ptrdiff_t>(hints_.size());
    auto item = node(depth);
    if (item && !depends_) {
      kept[index]->hints.assign(hints_.begin() + hints, hints_.end());
      item->item = kept[index];
    }
    file_ = whole;
    return item;
  }

  // Reads the members of the mapping that the current event begins, up to its end. False after an error.
  bool read_members(YamlNode& mapping, size_t depth) {
    GivenKeys given(mapping);
    std::vector<std::shared_ptr<YamlNode>> merged;
    bool merges = false;
    for (;;) {
      if (!advance()) return false;
      if (event_.type == YAML_MAPPING_END_EVENT) break;
      auto key = node(depth + 1);
      if (!key) return false;
      if (key->kind != YamlNode::Kind::kScalar) {
        diagnostics_.error(key->location, "a key must be a plain word");
        return false;
      }
      const bool is_merge_key = key->scalar == "<<" && !key->quoted;
      if (is_merge_key ? std::exchange(merges, true) : given.has(key->scalar))
        diagnostics_.error(key->location, "`" + key->scalar + "` is given twice");
      if (!advance()) return false;
      const bool is_list = depth == 0 && list_ != nullptr && key->scalar == KeptItems::kList &&
                           event_.type == YAML_SEQUENCE_START_EVENT && key->location.line_read == list_->line;
      auto value = node(depth + 1, is_list ? list_ : nullptr);
      if (!value) return false;
      if (is_merge_key) {
        depends_ = true;
        gather_merged(value, merged);
      } else {
        mapping.members.emplace_back(std::move(key), std::move(value));
      }
    }
    for (const auto& other : merged) {
      for (const auto& member : other->members) {
        if (!given.has(member.first->scalar)) mapping.members.push_back(member);
      }
    }
    return true;
  }

  // Collects the mappings in the `value` of a merge key: one mapping, or a list of mappings.
  void gather_merged(const std::shared_ptr<YamlNode>& value, std::vector<std::shared_ptr<YamlNode>>& merged) {
    const bool list = value->kind == YamlNode::Kind::kSequence;
    for (const auto& one : list ? value->items : std::vector{value}) {
      if (one->kind == YamlNode::Kind::kMapping) {
        merged.push_back(one);
      } else {
        diagnostics_.error(
            one->location,
            "`<<` merges a mapping, as in `<<: *name`, or several, as in `<<: [*one, *other]`");
      }
    }
  }

  // Adds hints about details that are easily overlooked, in case the scalar turns out to be wrong.
  void add_hints(const YamlNode& scalar) {
    const auto style = event_.data.scalar.style;
    if (style == YAML_PLAIN_SCALAR_STYLE) {
      if (const std::string hint = hint_about(scalar.scalar); !hint.empty())
        hints_.emplace_back(scalar.location, hint);
    } else if ((style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) &&
               scalar.scalar.ends_with('\n')) {
      hints_.emplace_back(scalar.location,
                          "; as a block the text ends with a line break: write `|-` or `>-`, which end "
                          "without one");
    }
  }

  // An anchor is defined when its node is complete, so an alias cannot refer to a node that contains it.
  static std::optional<std::string> anchor_text(const yaml_char_t* anchor) {
    if (anchor == nullptr) return std::nullopt;
    return reinterpret_cast<const char*>(anchor);
  }

  const std::shared_ptr<NodeMemory> memory_ = std::make_shared<NodeMemory>();
  const std::string_view text_;
  FileName file_;
  const size_t first_line_;
  const size_t depth_;
  bool is_flow_ = false;
  const ListText* const list_;  // null when no elements are kept
  bool depends_ = false;        // an anchor, an alias or a merge key has been read
  Diagnostics& diagnostics_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  std::map<std::string, std::shared_ptr<YamlNode>> anchors_;
  Hints hints_;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name->scalar == key) return value.get();
  }
  return nullptr;
}

std::shared_ptr<YamlNode> parse_yaml(std::string_view text, const std::string& file, Diagnostics& diagnostics,
                                     const ListText* list) {
  if (!check_characters(text, file, diagnostics)) return nullptr;
  return Builder({text, file}, list, diagnostics).document();
}

YamlPart parse_yaml_part(const YamlText& text, Diagnostics& diagnostics) {
  if (!check_characters(text.text, text.file.text(), diagnostics)) return {};
  Builder builder(text, nullptr, diagnostics);
  auto root = builder.document();
  return {std::move(root), builder.depends(), builder.is_flow(), builder.hints()};
}

}  // namespace portcullis::config

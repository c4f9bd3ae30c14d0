#include "control/admin/call_table.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/query.h"

namespace portcullis::control {
namespace {

using Variables = std::vector<std::pair<std::string_view, std::string>>;

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  for (;;) {
    const size_t end = path.find('/');
    out.emplace_back(path.substr(0, end));
    if (end == std::string_view::npos) return out;
    path.remove_prefix(end + 1);
  }
}

bool is_variable(std::string_view part) {
  return part.starts_with('{');
}

bool is_text(std::string_view text) {
  return is_utf8(text) && text.find('\0') == std::string_view::npos;
}

bool may_be_name(const std::string& text) {
  return !text.empty() && text != "." && text != ".." && is_text(text);
}

size_t fixed_parts(const std::vector<std::string>& parts) {
  return static_cast<size_t>(
      std::count_if(parts.begin(), parts.end(), [](const std::string& part) { return !is_variable(part); }));
}

// True when a fixed part of a template is that word, which may be written with underscores for hyphens.
bool is_word(std::string_view part, std::string_view word) {
  return std::equal(part.begin(), part.end(), word.begin(), word.end(),
                    [](char a, char b) { return a == b || (a == '-' && b == '_'); });
}

// The values of the variables when the template matches the parts of a path, which are decoded.
std::optional<Variables> match_template(const std::vector<std::string>& parts,
                                        const std::vector<std::string>& given) {
  if (parts.size() != given.size()) return std::nullopt;
  Variables out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!is_variable(parts[i])) {
      if (!is_word(parts[i], given[i])) return std::nullopt;
    } else if (!may_be_name(given[i])) {
      return std::nullopt;
    } else {
      out.emplace_back(std::string_view(parts[i]).substr(1, parts[i].size() - 2), given[i]);
    }
  }
  return out;
}

}  // namespace

void CallTable::add(Call call) {
  calls_.push_back(std::move(call));
  Entry entry{&calls_.back(), split_path(calls_.back().path)};
  const size_t fixed = fixed_parts(entry.parts);
  const auto place = std::find_if(entries_.begin(), entries_.end(),
                                  [fixed](const Entry& one) { return fixed_parts(one.parts) < fixed; });
  entries_.insert(place, std::move(entry));
}

CallTable::Found CallTable::find(std::string_view method, std::string_view path) const {
  std::vector<std::string> given = split_path(path);
  for (std::string& part : given) part = http::percent_decode(part);
  Found out;
  std::vector<std::string> methods;
  for (const Entry& entry : entries_) {
    auto variables = match_template(entry.parts, given);
    if (!variables) continue;
    const std::string& its = entry.call->method;
    if (its == method || (its == "GET" && method == "HEAD"))
      return {.call = entry.call, .variables = std::move(*variables)};
    methods.push_back(its == "GET" ? "GET, HEAD" : its);
  }
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  out.allow = join(methods);
  return out;
}

const CallTable& admin_calls() {
  static const CallTable table = [] {
    CallTable out;
    add_open_calls(out);
    add_look_calls(out);
    add_stream_calls(out);
    add_object_calls(out);
    add_change_calls(out);
    add_publish_calls(out);
    add_draft_calls(out);
    add_revision_calls(out);
    add_operation_calls(out);
    add_api_calls(out);
    return out;
  }();
  return table;
}

}  // namespace portcullis::control

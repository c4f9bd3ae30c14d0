#include "config/diagnostics.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <tuple>

#include "base/text.h"
#include "config/yaml_text.h"

namespace portcullis::config {
namespace {

const std::string* stored(const std::string& name) {
  static std::mutex mutex;
  static std::set<std::string> names;
  const std::lock_guard lock(mutex);
  return &*names.insert(name).first;
}

}  // namespace

std::shared_ptr<FileName::Text> FileName::make_text(const std::string& name) {
  auto made = std::make_shared<Text>();
  made->name = stored(name);
  return made;
}

FileName::FileName() {
  static const auto no_name = make_text("");
  text_ = no_name;
}

FileName::FileName(const std::string& name) : text_(make_text(name)) {}

FileName FileName::unshared(std::string name) {
  auto made = std::make_shared<Text>();
  made->own = std::move(name);
  made->name = &made->own;
  return FileName(std::move(made));
}

std::vector<FileName> FileName::parts(size_t count) const {
  const std::shared_ptr<Text[]> texts = std::make_unique<Text[]>(count);
  std::vector<FileName> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    texts[i].name = text_->name;
    out.push_back(FileName(std::shared_ptr<Text>(texts, &texts[i])));
  }
  return out;
}

std::string Location::beside(const std::string& path) const {
  return path.empty() ? path : (std::filesystem::path(file.text()).parent_path() / path).string();
}

std::string Location::seen_from(const Location& from) const {
  if (is_from_api()) return "`" + file.text() + "`";
  return (from.file == file ? "line " : file.text() + ":") + std::to_string(line());
}

std::string Diagnostic::to_string() const {
  std::string out = location.file.text();
  if (location.line_read > 0 && !location.is_from_api())
    out += ":" + std::to_string(location.line()) + ":" + std::to_string(location.column);
  out.append(": ").append(name_of(severity)).append(": ").append(message);
  return check.empty() ? out : out + " [" + check + "]";
}

void Diagnostics::refuse_unknown(const char* kind, const std::string& name,
                                 const std::vector<std::string_view>& known, const Location& location) {
  if (name.empty() || std::find(known.begin(), known.end(), name) != known.end()) return;
  error(location, std::string("there is no ") + kind + " `" + name + "`" + suggestion_for(name, known) +
                      hint_about_letters(name));
}

void Diagnostics::error(const Location& location, std::string message) {
  ++faults_;
  const auto note = notes_.find(place_of(location));
  if (note != notes_.end()) {
    if (note->second.silent) return;
    message += note->second.hint;
  }
  all_.push_back({Severity::kError, location, std::move(message)});
  ++errors_;
}

void Diagnostics::warning(const Location& location, std::string message, std::string check) {
  all_.push_back({Severity::kWarning, location, std::move(message), std::move(check)});
}

void Diagnostics::add_hint(const Location& location, const std::string& hint) {
  notes_[place_of(location)].hint += hint;
}

void Diagnostics::silence(const Location& location) {
  notes_[place_of(location)].silent = true;
}

void Diagnostics::mark_faulty(const Location& location) {
  faulty_.insert(place_of(location));
}

std::map<std::string, std::set<size_t>> Diagnostics::lines() const {
  std::map<std::string, std::set<size_t>> out;
  for (const Diagnostic& one : all_) out[one.location.file.text()].insert(one.location.line());
  for (const auto& [place, note] : notes_) {
    if (note.silent) out[std::get<0>(place)].insert(std::get<1>(place));
  }
  return out;
}

bool Diagnostics::is_faulty(const Location& location) const {
  return faulty_.contains(place_of(location));
}

void Diagnostics::treat_warnings_as_errors() {
  for (Diagnostic& one : all_) one.severity = Severity::kError;
  errors_ = all_.size();
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> out = all_;
  std::stable_sort(out.begin(), out.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return place_of(a.location) < place_of(b.location);
  });
  return out;
}

}  // namespace portcullis::config

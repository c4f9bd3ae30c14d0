#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/enum_names.h"

namespace portcullis::config {

// The name of a configuration file, for the locations in it. Each name is stored once for the life of the
// process, because a configuration has many locations but few files. Any thread.
class FileName {
 public:
  FileName();
  FileName(const std::string& name);
  // A name that is not stored for the life of the process, because it comes from outside: two of them are
  // never the same file.
  static FileName unshared(std::string name);
  const std::string& text() const { return *text_->name; }
  bool operator==(const FileName& other) const { return text_->name == other.text_->name; }

  // The same file, for the locations in each of `count` parts of its text. The lines of a part move together
  // when lines are added or removed before it: move() tells by how many they have moved since they were read.
  std::vector<FileName> parts(size_t count) const;
  void move(ptrdiff_t lines) const { text_->moved.store(lines, std::memory_order_relaxed); }
  ptrdiff_t moved() const { return text_->moved.load(std::memory_order_relaxed); }

 private:
  struct Text {
    const std::string* name = nullptr;
    std::string own{};  // the name, where it is not shared
    std::atomic<ptrdiff_t> moved = 0;
  };
  static std::shared_ptr<Text> make_text(const std::string& name);
  explicit FileName(std::shared_ptr<Text> text) : text_(std::move(text)) {}

  std::shared_ptr<Text> text_;
};

// A position in a configuration file; line and column count from 1. In an object that has come through the
// admin API, the column is 0, and the line counts the values of the object (config/json_document.h).
struct Location {
  FileName file{};
  size_t line_read = 0;  // 0: no line
  size_t column = 0;

  size_t line() const { return line_read == 0 ? 0 : line_read + static_cast<size_t>(file.moved()); }
  bool is_from_api() const { return line_read != 0 && column == 0; }
  // "line 3"; or "other.yaml:3" when `from` is in another file.
  std::string seen_from(const Location& from) const;
  // `path` relative to this file's folder, unless it is absolute. An empty path stays empty.
  std::string beside(const std::string& path) const;
};

// Remarks about positions: see Diagnostics::add_hint().
using Hints = std::vector<std::pair<Location, std::string>>;

enum class Severity { kWarning, kError };
constexpr auto names_of(Severity) {
  return std::to_array<EnumName<Severity>>({{Severity::kWarning, "warning"}, {Severity::kError, "error"}});
}

struct Diagnostic {
  Severity severity;
  Location location;
  std::string message;
  std::string check{};  // the name of the check that warns, such as "cors_after_authentication"; empty for
                        // errors and other warnings

  // "file:line:column: error: message", the format that editors understand; the name of the check follows in
  // brackets.
  std::string to_string() const;
};

// Collects all problems of a configuration, so that one run reports all of them.
class Diagnostics {
 public:
  void error(const Location& location, std::string message);
  void warning(const Location& location, std::string message, std::string check = {});
  // Appends `hint` to every error at `location`: a remark about the text there, added before the text is
  // interpreted.
  void add_hint(const Location& location, const std::string& hint);
  // Drops further errors at `location`, because an error there has been reported and the value used from now
  // on is not the value in the file.
  void silence(const Location& location);
  // Turns all warnings reported so far into errors.
  void treat_warnings_as_errors();
  // Reports at `location` a `name` that is not in `known`, with a suggestion; an empty name is accepted.
  // `kind` says what the name refers to, such as "route".
  void refuse_unknown(const char* kind, const std::string& name, const std::vector<std::string_view>& known,
                      const Location& location);
  // Returns where a key belongs that was found in the object called `object`, which has no such key: "; it
  // belongs to `routes[].match`". Without this function messages have no such hint.
  using PlaceOfKey = std::function<std::string(std::string_view key, std::string_view object)>;
  void know_keys(PlaceOfKey place_of_key) { place_of_key_ = std::move(place_of_key); }
  std::string place_of_key(std::string_view key, std::string_view object) const {
    return place_of_key_ ? place_of_key_(key, object) : std::string();
  }
  // Objects of the admin API may name only those files that `may_name` accepts. Without this function they
  // may name none.
  void allow_files(std::function<bool(std::string_view)> may_name) { may_name_ = std::move(may_name); }
  bool may_name_file(std::string_view path) const { return may_name_ && may_name_(path); }
  // Records that an error within the object at `location` has been reported, so that keys which seem to be
  // missing are not reported: they may be in the faulty part.
  void mark_faulty(const Location& location);
  bool is_faulty(const Location& location) const;
  // Takes over what `other` knows about positions: hints, and errors that are silenced.
  void take_notes(Diagnostics&& other) { notes_.merge(other.notes_); }
  // The lines of which something has been reported or silenced, by the name of the file.
  std::map<std::string, std::set<size_t>> lines() const;
  bool has_errors() const { return errors_ > 0; }
  // The number of errors so far, including silenced ones.
  size_t faults() const { return faults_; }
  // All diagnostics, ordered by file and position.
  std::vector<Diagnostic> sorted() const;

 private:
  // The hints and the silencing of errors at one position.
  struct PlaceNote {
    std::string hint;
    bool silent = false;
  };
  using Place = std::tuple<std::string, size_t, size_t>;
  static Place place_of(const Location& location) {
    return {location.file.text(), location.line(), location.column};
  }

  std::vector<Diagnostic> all_;
  std::map<Place, PlaceNote> notes_;
  std::set<Place> faulty_;
  PlaceOfKey place_of_key_;
  std::function<bool(std::string_view)> may_name_;
  size_t errors_ = 0;
  size_t faults_ = 0;
};

}  // namespace portcullis::config

#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace portcullis::config {

// The name of a configuration file. Kept for the life of the process, once each: the places in a
// configuration are many, its files few. Any thread.
class FileName {
 public:
  FileName();
  FileName(const std::string& name);
  const std::string& text() const { return *text_; }
  bool operator==(const FileName&) const = default;

 private:
  const std::string* text_;
};

// A place in a configuration file; line and column count from 1.
struct Location {
  FileName file{};
  size_t line = 0;
  size_t column = 0;

  // "line 3", or "other.yaml:3" for one who reads at `from`, in another file.
  std::string seen_from(const Location& from) const;
  // `path`, which begins at this file's folder when it is relative. An empty one stays so.
  std::string beside(const std::string& path) const;
};

enum class Severity { kWarning, kError };

struct Diagnostic {
  Severity severity;
  Location location;
  std::string message;
  std::string check{};  // the name of the check that warns, "cors_after_authentication"; empty for all else

  // "file:line:column: error: message", the form editors understand; the check's name follows in brackets.
  std::string to_string() const;
};

// Collects everything wrong with a configuration, so that one run reports it all.
class Diagnostics {
 public:
  void error(const Location& location, std::string message);
  void warning(const Location& location, std::string message, std::string check = {});
  // Adds `hint` to the end of every error at `location`: what is known of the text there before it is known
  // what the text should be.
  void add_hint(const Location& location, const std::string& hint);
  // Drops further errors at `location`: what is wrong there has been reported, and the value that is checked
  // from now on is none that the file has.
  void silence(const Location& location);
  // Makes errors of all warnings reported so far.
  void treat_warnings_as_errors();
  // Reports at `location` a `name` that is not among those known; an empty one names nothing. `kind` says
  // what it should be: "route".
  void refuse_unknown(const char* kind, const std::string& name, const std::vector<std::string_view>& known,
                      const Location& location);
  // Says where a key belongs that stands in an object, by its name, that does not have it: "; it belongs to
  // `routes[].match`". Without one nothing is said.
  using PlaceOfKey = std::function<std::string(std::string_view key, std::string_view object)>;
  void know_keys(PlaceOfKey place_of_key) { place_of_key_ = std::move(place_of_key); }
  std::string place_of_key(std::string_view key, std::string_view object) const {
    return place_of_key_ ? place_of_key_(key, object) : std::string();
  }
  // Something within the object that begins at `location` is wrong, and has been reported: what seems to be
  // missing from it may be there.
  void mark_faulty(const Location& location);
  bool is_faulty(const Location& location) const;
  bool has_errors() const { return errors_ > 0; }
  // How much has been found wrong so far, silenced errors among it.
  size_t faults() const { return faults_; }
  // In order of file and position.
  std::vector<Diagnostic> sorted() const;

 private:
  // What applies to errors at one place.
  struct PlaceNote {
    std::string hint;
    bool silent = false;
  };
  using Place = std::tuple<std::string, size_t, size_t>;

  std::vector<Diagnostic> all_;
  std::map<Place, PlaceNote> notes_;
  std::set<Place> faulty_;
  PlaceOfKey place_of_key_;
  size_t errors_ = 0;
  size_t faults_ = 0;
};

}  // namespace portcullis::config

#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/changed_bound.h"
#include "control/revisions/live_objects.h"
#include "proxy/canary_rules.h"

namespace portcullis::control {

// What is wrong with a change, or with an object that it concerns.
struct Finding {
  config::Severity severity = config::Severity::kError;
  std::string path{};  // JSON pointer into what was sent; empty for an object that was not sent
  std::string message{};
  std::optional<ObjectId> object{};
  // The place in a file, of an object that a file owns.
  std::string file{};
  size_t line = 0;
  size_t column = 0;
};

// Why a change was not made. Nothing has changed.
struct Refusal {
  int status;         // of the HTTP answer
  std::string title;  // one line
  std::vector<Finding> findings{};
  nlohmann::json members = nlohmann::json::object();  // further members of the answer
  bool retry_later = false;
};

// Which states of an object a change accepts (RFC 9110 section 13.1).
struct Preconditions {
  std::vector<std::string> if_match{};       // entity tags, or `*`
  std::vector<std::string> if_none_match{};  // entity tags, or `*`
};

// Max number of objects that come through the API: each publication checks all of them.
inline constexpr size_t kMaxApiObjects = 200'000;

// A value that edits share with the document that has it. Its memory may be released on another thread.
using SharedJson = std::shared_ptr<const nlohmann::json>;

// One change to one object.
// NOLINTNEXTLINE(bugprone-exception-escape): no member throws when it is moved
struct Edit {
  // kReset is for drafts alone, and not for resolve(): the draft leaves the object as it is in force.
  enum class What { kPut, kMerge, kPatch, kDelete, kReset };
  What what;
  ObjectId id;
  SharedJson value{};  // the object; or a merge patch (RFC 7396), or a JSON patch (RFC 6902); null: deleted
  std::string path{};  // JSON pointer to `value` in what was sent
  std::vector<std::string> secrets{};  // JSON pointers to values of `value` that are known to be secret
  Preconditions preconditions{};
  bool is_sent = true;  // false: `path` says nothing
};

// Makes edits from the objects in force.
using DeriveEdits = std::function<std::variant<std::vector<Edit>, Refusal>(const LiveObjects&)>;

// A change of several objects, which is made whole or not at all.
struct ChangeRequest {
  std::vector<Edit> edits;
  // For a change of which the edits depend on what is in force when it is made; may be empty.
  DeriveEdits derive{};
  // The revision in force from which `edits` were derived already; nothing when they are to be derived anew.
  std::optional<uint64_t> derived_from{};
  std::string author;
  std::string message;
  // The labels that objects must have, before and after the change; empty: the author may change all objects.
  config::TextMap labels{};
  // The revision that the author has seen: objects of this change that have changed since are a conflict.
  std::optional<uint64_t> base{};
  // Objects that were changed when its author could not know it: those of this change are a conflict.
  std::set<ObjectId> changed_meanwhile{};
  // How many of the recorded requests may have another outcome; nothing: all.
  std::optional<ChangedBound> max_changed{};
  // The rules of the canary by which the change begins; nothing: it is in force at once.
  std::optional<proxy::CanaryRules> canary{};
  // The status of the refusal when the configuration would have errors.
  int misfit_status = 422;
};

// The objects of the API after a change.
struct Resolved {
  std::vector<ObjectPointer> objects;  // by kind and name
  std::vector<ObjectId> touched;       // objects that differ from those in force
  std::vector<const Edit*> edit_of{};  // for each of `touched`
  std::vector<ObjectPointer> after{};  // for each of `touched`; null when the object is removed
};

// Applies the edits to the objects of the API in `live`. `tag_of` gives the entity tag of an object.
std::variant<Resolved, Refusal> resolve(const LiveObjects& live, const std::vector<Edit>& edits,
                                        const std::function<std::string(const config::Object&)>& tag_of);

// The edits that make the objects of the API exactly `document`, an object with kinds as members; with
// `keeps_others`, those that make them what it has, and leave others as they are.
enum class Others { kRemoved, kKept };
std::variant<std::vector<Edit>, Refusal> edits_for(const LiveObjects& live, const SharedJson& document,
                                                   Others others);

// As edits_for(), from the objects that are in force when the change is made.
DeriveEdits derive_edits(SharedJson document, Others others);

}  // namespace portcullis::control

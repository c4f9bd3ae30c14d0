#include "control/revisions/secrets_shown.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

#include "base/canonical_json.h"
#include "base/json_pointer.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The begin and end of the credentials in a URL; nothing in other texts.
std::optional<std::pair<size_t, size_t>> credentials_of(const std::string& text) {
  if (!text.starts_with("http://") && !text.starts_with("https://")) return std::nullopt;
  const size_t begin = text.find("://") + 3;
  const size_t end = text.substr(0, text.find_first_of("/?#", begin)).rfind('@');
  if (end == std::string::npos || end < begin) return std::nullopt;
  return std::pair(begin, end);
}

bool is_hidden(const json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (text == kHidden) return true;
  const auto place = credentials_of(text);
  return place && text.compare(place->first, place->second - place->first, kHidden) == 0;
}

}  // namespace

bool has_hidden(const json& value) {
  return is_hidden(value) || (value.is_structured() && std::any_of(value.begin(), value.end(), has_hidden));
}

namespace {

// Finds the stored value for each value that was sent.
class Restorer {
 public:
  Restorer(const json& shown, const json& stored) : shown_(shown), stored_(stored) {}

  void run(json& sent) { restore(sent, &shown_, &stored_); }
  Restored take() { return std::move(out_); }

 private:
  // `shown` and `stored` are the same value, without and with secrets; null when there is none.
  void restore(json& sent, const json* shown, const json* stored) {
    if (sent.is_object()) return restore_members(sent, shown, stored);
    if (sent.is_array()) return restore_elements(sent, shown, stored);
    if (!is_hidden(sent)) return;
    if (shown == nullptr || *shown != sent) {
      if (!out_.missing) out_.missing = pointer_;
    } else if (*stored != *shown) {
      sent = *stored;
      out_.secrets.push_back(pointer_);
    }
  }

  void restore_members(json& sent, const json* shown, const json* stored) {
    for (auto member = sent.begin(); member != sent.end(); ++member) {
      const bool known = shown != nullptr && shown->is_object() && shown->contains(member.key());
      step(member.key(), *member, known ? &shown->at(member.key()) : nullptr,
           known ? &stored->at(member.key()) : nullptr);
    }
  }

  void restore_elements(json& sent, const json* shown, const json* stored) {
    std::vector<std::optional<size_t>> matches(sent.size());
    if (shown != nullptr && shown->is_array()) {
      std::vector<bool> used(shown->size());
      for (const KeyOf key_of : {whole_of, name_of}) match(sent, *shown, *stored, key_of, matches, used);
    }
    for (size_t i = 0; i < sent.size(); ++i) {
      const bool known = shown != nullptr && matches[i].has_value();
      step(std::to_string(i), sent[i], known ? &(*shown)[*matches[i]] : nullptr,
           known ? &(*stored)[*matches[i]] : nullptr);
    }
  }

  // Elements with the same key are alike; an empty key is like no other.
  using KeyOf = std::string (*)(const json&);

  // Finds stored elements for those that were sent with `***`, and marks them as used. Of elements that are
  // alike, each is as likely as the others: they match in their order when there are as many on both sides.
  static void match(const json& sent, const json& shown, const json& stored, KeyOf key_of,
                    std::vector<std::optional<size_t>>& matches, std::vector<bool>& used) {
    std::map<std::string, std::vector<size_t>> wanted, offered;
    for (size_t i = 0; i < sent.size(); ++i) {
      if (!matches[i] && has_hidden(sent[i])) wanted[key_of(sent[i])].push_back(i);
    }
    for (size_t k = 0; k < shown.size(); ++k) {
      if (!used[k] && has_hidden(shown[k])) offered[key_of(shown[k])].push_back(k);
    }
    for (const auto& [key, places] : wanted) {
      const auto found = offered.find(key);
      if (key.empty() || found == offered.end()) continue;
      const std::vector<size_t>& all = found->second;
      const bool all_same =
          std::all_of(all.begin(), all.end(), [&](size_t one) { return stored[one] == stored[all.front()]; });
      if (all.size() != places.size() && !all_same) continue;
      for (size_t i = 0; i < places.size(); ++i) {
        const size_t one = all[std::min(i, all.size() - 1)];
        matches[places[i]] = one;
        used[one] = true;
      }
    }
  }

  static std::string whole_of(const json& value) {
    auto text = canonical_json(value);
    return text ? std::move(*text) : std::string();
  }

  // Elements of lists have one of these members to be told apart by. The settings of a policy stand below its
  // name.
  static std::string name_of(const json& value) {
    if (!value.is_object()) return {};
    for (const char* key : {"name", "id", "username", "issuer"}) {
      if (value.contains(key)) return key + whole_of(value[key]);
    }
    return value.size() == 1 ? "/" + value.begin().key() : std::string();
  }

  void step(const std::string& token, json& sent, const json* shown, const json* stored) {
    const size_t length = pointer_.size();
    pointer_ += '/';
    append_pointer_token(pointer_, token);
    restore(sent, shown, stored);
    pointer_.resize(length);
  }

  const json& shown_;
  const json& stored_;
  std::string pointer_;
  Restored out_;
};

}  // namespace

std::string hidden_text(const std::string& secret) {
  const auto place = credentials_of(secret);
  if (!place) return kHidden;
  std::string out = secret;
  return out.replace(place->first, place->second - place->first, kHidden);
}

json hide_secrets(json object, const std::vector<std::string>& secrets) {
  for (const std::string& pointer : secrets) {
    const json::json_pointer place(pointer);
    if (!object.contains(place)) continue;
    json& value = object[place];
    value = value.is_string() ? hidden_text(value.get_ref<const std::string&>()) : std::string(kHidden);
  }
  return object;
}

Restored restore_secrets(json& sent, const json& stored, const std::vector<std::string>& secrets) {
  const json shown = hide_secrets(stored, secrets);
  Restorer restorer(shown, stored);
  restorer.run(sent);
  return restorer.take();
}

}  // namespace portcullis::control

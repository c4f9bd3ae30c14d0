#include "store/stored_form.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/canonical_json.h"
#include "crypto/encoding.h"

namespace portcullis::store {
namespace {

// The value of `text`; a discarded value when it is not JSON. The parser uses no stack for nested values.
nlohmann::json parse_object_json(std::string_view text) {
  return nlohmann::json::parse(text, nullptr, false);
}

// The place to which `pointer` leads; null when it leads nowhere.
nlohmann::json* find_by_pointer(nlohmann::json& value, const std::string& pointer) {
  try {
    return &value.at(nlohmann::json::json_pointer(pointer));
  } catch (const nlohmann::json::exception&) {
    return nullptr;
  }
}

// Texts that are not valid UTF-8 are refused before they come here.
std::string canonical_list(const nlohmann::json& list) {
  auto text = canonical_json(list);
  return text ? std::move(*text) : std::string();
}

}  // namespace

Result<StoredForm> stored_form_of(const Object& object, const SecretBox& box) {
  if (!canonical_json(nlohmann::json::array({object.id.kind, object.id.name})))
    return Error{"the name is not valid UTF-8"};
  if (object.is_canonical && object.secrets.empty())
    return StoredForm{.content = object.json,
                      .secrets = {},
                      .digest = digest_of(object.id, object.owner, object.json, {}, box)};
  nlohmann::json value = parse_object_json(object.json);
  if (value.is_discarded()) return Error{"the object is not valid JSON"};
  // Before pointers are followed, because the canonical form refuses values that are nested too deeply.
  if (auto whole = canonical_json(value); !whole) return whole.error();
  StoredForm out;
  std::vector<std::string> pointers = object.secrets;
  std::sort(pointers.begin(), pointers.end());
  pointers.erase(std::unique(pointers.begin(), pointers.end()), pointers.end());
  for (std::string& pointer : pointers) {
    nlohmann::json* place = pointer.empty() ? nullptr : find_by_pointer(value, pointer);
    if (place == nullptr) return Error{"the object has no value at `" + pointer + "` that could be a secret"};
    auto secret = canonical_json(*place);
    if (!secret) return secret.error();
    *place = nullptr;
    out.secrets.push_back({std::move(pointer), std::move(*secret)});
  }
  auto content = canonical_json(value);
  if (!content) return content.error();
  out.content = std::move(*content);
  out.digest = digest_of(object.id, object.owner, out.content, out.secrets, box);
  return out;
}

crypto::Digest256 digest_of(const ObjectName& id, Owner owner, std::string_view content,
                            const std::vector<Secret>& secrets, const SecretBox& box) {
  nlohmann::json digests = nlohmann::json::array();
  for (const Secret& secret : secrets)
    digests.push_back(nlohmann::json::array(
        {secret.pointer, crypto::hex_encode(crypto::text_of(box.digest(secret.json)))}));
  // The canonical form of [kind, name, content, [[pointer, digest], ...]]; for an object of files of
  // [kind, name, "file", content, [[pointer, digest], ...]].
  nlohmann::json head = nlohmann::json::array({id.kind, id.name});
  if (owner == Owner::kFile) head.push_back("file");
  std::string text = canonical_list(head);
  text.back() = ',';
  text += content;
  text += ',' + canonical_list(digests) + ']';
  return crypto::sha256(text);
}

Result<std::string> json_of(std::string_view content, const std::vector<Secret>& secrets) {
  if (secrets.empty()) return std::string(content);
  nlohmann::json value = parse_object_json(content);
  for (const Secret& secret : secrets) {
    nlohmann::json* place = find_by_pointer(value, secret.pointer);
    if (place == nullptr) return Error{"the object has no place for its secret `" + secret.pointer + "`"};
    *place = parse_object_json(secret.json);
  }
  return canonical_json(value);
}

std::string context_of(const ObjectName& id, std::string_view pointer) {
  return canonical_list(nlohmann::json::array({id.kind, id.name, pointer}));
}

}  // namespace portcullis::store

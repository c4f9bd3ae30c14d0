#include "cluster/sealed_object.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"
#include "store/stored_form.h"

namespace portcullis::cluster {

using nlohmann::json;

Result<SealedObject> seal(const store::Object& object, const Keys& keys, uint64_t revision) {
  auto form = store::stored_form_of(object, *keys.box);
  if (!form) return form.error();
  SealedObject out{.id = object.id,
                   .content = std::move(form->content),
                   .secrets = {},
                   .digest = std::string(crypto::text_of(form->digest)),
                   .revision = revision};
  for (const store::Secret& secret : form->secrets) {
    auto sealed = keys.box->seal(keys.current, secret.json, store::context_of(object.id, secret.pointer));
    if (!sealed) return sealed.error();
    out.secrets.push_back({secret.pointer, std::move(sealed->key), std::move(sealed->box)});
  }
  return out;
}

Result<store::StoredObject> open(const SealedObject& sealed, const store::SecretBox& box) {
  std::vector<store::Secret> secrets;
  store::StoredObject out{.object = {.id = sealed.id, .json = {}, .secrets = {}},
                          .revision = sealed.revision,
                          .digest = crypto::hex_encode(sealed.digest)};
  for (const SealedSecret& secret : sealed.secrets) {
    auto opened = box.open(secret.key, secret.box, store::context_of(sealed.id, secret.pointer));
    if (!opened) return opened.error();
    secrets.push_back({secret.pointer, std::move(*opened)});
    out.object.secrets.push_back(secret.pointer);
  }
  const crypto::Digest256 digest =
      store::digest_of(sealed.id, store::Owner::kApi, sealed.content, secrets, box);
  if (crypto::text_of(digest) != sealed.digest)
    return Error{sealed.id.kind + " `" + sealed.id.name +
                 "` in etcd is not what its digest says: it was changed, or the key file is another one"};
  auto whole = store::json_of(sealed.content, secrets);
  if (!whole) return whole.error();
  out.object.json = std::move(*whole);
  return out;
}

json to_json(const SealedObject& object) {
  json out = {{"kind", object.id.kind},
              {"name", object.id.name},
              {"content", object.content},
              {"digest", crypto::hex_encode(object.digest)},
              {"revision", object.revision}};
  for (const SealedSecret& secret : object.secrets)
    out["secrets"].push_back(
        {{"pointer", secret.pointer}, {"key", secret.key}, {"box", etcd::encode(secret.box)}});
  return out;
}

Result<SealedObject> sealed_object_from(const json& value) {
  SealedObject out{.id = {etcd::text_at(value, "kind"), etcd::text_at(value, "name")},
                   .content = etcd::text_at(value, "content"),
                   .secrets = {},
                   .digest = crypto::hex_decode(etcd::text_at(value, "digest")).value_or(""),
                   .revision = etcd::number_at(value, "revision")};
  if (out.id.kind.empty() || out.digest.empty()) return Error{"an object in etcd is damaged"};
  for (const json& secret : etcd::member_at(value, "secrets"))
    out.secrets.push_back(
        {etcd::text_at(secret, "pointer"), etcd::text_at(secret, "key"), etcd::bytes_at(secret, "box")});
  return out;
}

std::string lines_of(const std::vector<SealedObject>& objects) {
  std::string out;
  for (const SealedObject& object : objects) out += json_text(to_json(object)) + '\n';
  return out;
}

Result<std::vector<SealedObject>> objects_from_lines(std::string_view text) {
  std::vector<SealedObject> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    auto object = sealed_object_from(json::parse(text.substr(0, end), nullptr, false));
    if (!object) return object.error();
    out.push_back(std::move(*object));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace portcullis::cluster

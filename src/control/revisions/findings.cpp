#include "control/revisions/findings.h"

#include <nlohmann/json.hpp>

#include <string>
#include <unordered_map>

#include "config/json_document.h"

namespace portcullis::control {
namespace {

// The object in a file to which a line belongs: the last one that begins at or before it.
const config::Object* object_at(const config::Location& place, const LiveObjects& live) {
  const config::Object* out = nullptr;
  for (const ObjectPointer& one : live.document().objects) {
    const config::Location& its = one->location;
    if (!one->is_from_file() || !(its.file == place.file) || its.line() > place.line()) continue;
    if (out == nullptr || its.line() > out->location.line()) out = one.get();
  }
  return out;
}

// What a change has made of an object of the API, or has left as it was.
struct Sent {
  const config::Object* object;
  const Edit* edit = nullptr;  // null when the object was not sent
};

// The objects of the API by the names of the files that their positions have.
std::unordered_map<std::string, Sent> objects_sent(const Resolved& resolved) {
  std::unordered_map<std::string, Sent> out;
  for (const ObjectPointer& one : resolved.objects)
    out[config::title_of(*one->kind, one->name)] = {one.get()};
  for (size_t i = 0; i < resolved.touched.size(); ++i) {
    if (resolved.after[i] != nullptr) out[resolved.touched[i].title()].edit = resolved.edit_of[i];
  }
  return out;
}

Finding finding_of(const config::Diagnostic& one, const LiveObjects& live,
                   const std::unordered_map<std::string, Sent>& all_sent) {
  Finding out{.severity = one.severity, .message = one.message};
  if (!one.location.is_from_api()) {
    const config::Object* const object = object_at(one.location, live);
    if (object != nullptr) out.object = id_of(*object);
    out.file = one.location.file.text();
    out.line = one.location.line();
    out.column = one.location.column;
    return out;
  }
  const auto sent = all_sent.find(one.location.file.text());
  if (sent == all_sent.end()) return out;
  if (sent->second.edit == nullptr || !sent->second.edit->is_sent) {
    out.object = id_of(*sent->second.object);
    return out;
  }
  out.path = sent->second.edit->path +
             config::pointer_to(nlohmann::json::parse(sent->second.object->json, nullptr, false),
                                one.location.line_read);
  return out;
}

}  // namespace

std::vector<Finding> find_objects(const std::vector<config::Diagnostic>& diagnostics, const LiveObjects& live,
                                  const Resolved& resolved) {
  std::vector<Finding> out;
  if (diagnostics.empty()) return out;
  out.reserve(diagnostics.size());
  const auto all_sent = objects_sent(resolved);
  for (const config::Diagnostic& one : diagnostics) out.push_back(finding_of(one, live, all_sent));
  return out;
}

Error first_error(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    if (one.severity == config::Severity::kError) return Error{one.to_string()};
  }
  return Error{"its configuration has errors"};
}

}  // namespace portcullis::control

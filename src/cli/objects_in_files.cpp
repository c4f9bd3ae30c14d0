#include "cli/objects_in_files.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "config/loader.h"
#include "control/revisions/object_diff.h"
#include "control/say.h"
#include "policy/registry.h"

namespace portcullis::cli {
namespace {

using config::YamlNode;

void add_member(YamlNode& document, const char* name, YamlNode value) {
  if (document.kind != YamlNode::Kind::kMapping || document.find(name) != nullptr) return;
  auto key = std::make_shared<YamlNode>();
  key->kind = YamlNode::Kind::kScalar;
  key->scalar = name;
  key->location = value.location = document.location;
  document.members.emplace_back(std::move(key), std::make_shared<YamlNode>(std::move(value)));
}

// Adds what a part of a configuration may lack.
void complete(YamlNode& document) {
  YamlNode version, listeners;
  version.kind = YamlNode::Kind::kScalar;
  version.scalar = "1";
  listeners.kind = YamlNode::Kind::kSequence;
  add_member(document, "version", std::move(version));
  add_member(document, "listeners", std::move(listeners));
}

}  // namespace

std::optional<std::vector<config::ObjectPointer>> objects_in_files(const std::string& path,
                                                                   Failure& failure) {
  if (::access(path.c_str(), R_OK) != 0) {
    failure = {kCouldNot, "cannot read the configuration " + path + ": " + std::strerror(errno)};
    return std::nullopt;
  }
  config::Sources sources;
  config::Reading reading = config::read_path(path, sources);
  reading.wants_objects = true;
  if (reading.document) complete(*reading.document);
  const bool good = config::load(reading, policy::catalog()).has_value();
  control::print_diagnostics(reading.diagnostics);
  if (good) return std::move(reading.objects.objects);
  failure = {kWrong, "the configuration " + path + " has mistakes"};
  return std::nullopt;
}

nlohmann::json document_of(std::span<const config::ObjectPointer> objects) {
  nlohmann::json out = nlohmann::json::object();
  for (const config::ObjectPointer& one : objects) {
    const std::string key(one->kind->key);
    if (one->kind->is_single) {
      out[key] = control::shown(*one);
    } else {
      out[key].push_back(control::shown(*one));
    }
  }
  return out;
}

}  // namespace portcullis::cli

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/diagnostics.h"
#include "config/yaml.h"

// JSON that comes through the admin API, as a document that the loader reads. The position of a value is its
// number: the values of an object are counted from 1, each before the values that it contains.
namespace portcullis::config {

// JSON that is nested deeper is refused, as YAML is.
inline constexpr size_t kMaxDocumentDepth = 64;

// Null when `json` is nested too deeply, which is reported.
std::shared_ptr<YamlNode> node_of_json(const nlohmann::json& json, const FileName& name,
                                       Diagnostics& diagnostics);

// The JSON pointer to the value of `json` with that number; empty for the whole value, and for a number that
// no value has.
std::string pointer_to(const nlohmann::json& json, size_t number);

// Tells whether an object of the API may use a variable (`NAME`) or a file (an absolute path).
using MayRefer = std::function<bool(std::string_view reference)>;

// Replaces `${NAME}` and `${file:PATH}` in all scalars of a document from node_of_json(), and `$${` by `${`.
// Those that `may_refer` refuses are errors. Returns whether there was a reference.
bool replace_references(YamlNode& document, const MayRefer& may_refer, Diagnostics& diagnostics);

}  // namespace portcullis::config

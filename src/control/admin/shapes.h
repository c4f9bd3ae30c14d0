#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

// The parts of JSON Schemas by which calls of the admin API describe their documents.
namespace portcullis::control::shape {

nlohmann::json text(std::string description = {});
nlohmann::json integer(std::string description = {});
nlohmann::json number(std::string description = {});
nlohmann::json boolean(std::string description = {});
nlohmann::json choice(const std::vector<std::string>& words);
nlohmann::json list(nlohmann::json items);
// Any value.
nlohmann::json anything(std::string description = {});
// Any document of this type: "object", "array".
nlohmann::json any(const std::string& type, std::string description = {});
// An object with these members, which may have others. All are required when `required` is empty.
nlohmann::json object(const std::vector<std::pair<std::string, nlohmann::json>>& members,
                      std::vector<std::string> required = {});
// The same value, or null.
nlohmann::json or_null(nlohmann::json schema);
// The answer of an operation: `{nodes: {ID: ...}}`.
nlohmann::json by_node(nlohmann::json its);

}  // namespace portcullis::control::shape

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// How etcd's JSON gateway writes the messages of its API: bytes in base64, 64-bit numbers as decimal text,
// and members with default values left out.
namespace portcullis::etcd {

std::string encode(std::string_view bytes);
// The end of the range of all keys with this prefix: the prefix with its last byte incremented.
std::string range_end(std::string prefix);

// The member's bytes, number or text; empty, 0 or false where there is none, or it is of another type.
std::string bytes_at(const nlohmann::json& message, const char* name);
uint64_t number_at(const nlohmann::json& message, const char* name);
std::string text_at(const nlohmann::json& message, const char* name);
bool flag_at(const nlohmann::json& message, const char* name);
// The member; a null value where there is none.
const nlohmann::json& member_at(const nlohmann::json& message, const char* name);

}  // namespace portcullis::etcd

#pragma once

#include <string>
#include <string_view>

namespace portcullis::redis {

// An error of a Redis server, for an operator: what it stands for, and the server's own words. "it refuses
// the user name or the password: WRONGPASS invalid username-password pair". Any thread.
std::string describe_refusal(std::string_view error);
// The server has not let this client in: it wants a password, or has refused one.
bool is_for_strangers(std::string_view error);

}  // namespace portcullis::redis

#pragma once

#include <string>
#include <string_view>

namespace portcullis::redis {

// Describes an error of a Redis server to an operator: its meaning, then the server's text. "it refuses the
// user name or the password: WRONGPASS invalid username-password pair". Any thread.
std::string describe_refusal(std::string_view error);
// True when the server has not accepted this client's login: a password is required or was refused.
bool is_for_strangers(std::string_view error);

}  // namespace portcullis::redis

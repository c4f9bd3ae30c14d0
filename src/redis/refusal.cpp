#include "redis/refusal.h"

#include <iterator>

namespace portcullis::redis {
namespace {

struct Meaning {
  std::string_view code;  // first word of the error
  std::string_view text;
};

constexpr Meaning kMeanings[] = {
    {"WRONGPASS", "it refuses the user name or the password"},
    {"NOAUTH", "it requires a password"},
    {"NOPERM", "its access control list does not allow this user the command"},
    {"READONLY", "it is a read-only replica: `address` must be the primary's"},
    {"OOM", "it has no memory left for new keys"},
    {"MISCONF", "it accepts no writes, because it cannot save to its disk"},
    {"NOREPLICAS", "it accepts no writes, because too few replicas are connected"},
    {"MASTERDOWN", "it is a replica that has lost its primary"},
    {"LOADING", "it is still loading its data"},
    {"MOVED", "it is a node of a Redis Cluster: write `cluster` in place of `address`"},
    {"CLUSTERDOWN", "its cluster is not complete"},
    {"CROSSSLOT", "it is a node of a Redis Cluster: write `cluster` in place of `address`"},
};

// An error raised in a script is the error of the failed command, possibly prefixed by "ERR".
bool has_code(std::string_view error, std::string_view code) {
  for (size_t at = error.find(code); at != std::string_view::npos; at = error.find(code, at + 1)) {
    const bool begins = at == 0 || error[at - 1] == ' ' || error[at - 1] == '-';
    const size_t end = at + code.size();
    if (begins && (end == error.size() || error[end] == ' ')) return true;
  }
  return false;
}

}  // namespace

// Before a login, Redis answers a long command with a protocol error, and closes the connection.
bool is_for_strangers(std::string_view error) {
  return has_code(error, "NOAUTH") || error.find("unauthenticated") != std::string_view::npos;
}

std::string describe_refusal(std::string_view error) {
  if (is_for_strangers(error)) error = "NOAUTH Authentication required.";
  // Redis 6 and later answer WRONGPASS; earlier versions answer "ERR invalid password".
  const bool is_password = error.find("invalid password") != std::string_view::npos;
  std::string out(is_password ? kMeanings[0].text : "it refuses a command");
  // What a script may not do is told in other words than what a client may not do.
  const bool is_right = error.find("user executing the script can't run") != std::string_view::npos;
  if (is_right) out = kMeanings[2].text;
  for (const Meaning& one : kMeanings) {
    if (!has_code(error, one.code)) continue;
    out = one.text;
    break;
  }
  out += ": ";
  out += error;
  return out;
}

}  // namespace portcullis::redis

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "cli/api_key.h"
#include "cli/borrowed_terminal.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "identity/password.h"

namespace portcullis::cli {
namespace {

// Reads one line from standard input, without echo on a terminal. A secret on the command line would be
// visible in the shell's history and in the list of processes.
std::optional<std::string> read_secret(const char* what) {
  std::optional<BorrowedTerminal> hidden;
  if (::isatty(STDIN_FILENO) != 0) {
    std::fprintf(stderr, "%s: ", what);
    hidden.emplace(static_cast<tcflag_t>(ECHO), STDERR_FILENO, "\n");
  }
  std::string line;
  std::getline(std::cin, line);
  hidden.reset();
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (!line.empty()) return line;
  return std::nullopt;
}

struct KeySettings {
  std::string prefix;
  bool json = false;
};

// Prints a hash, as text or as JSON.
int print_hash(const std::string& hash, OutputFormat format) {
  if (format == OutputFormat::kJson) {
    print_json({{"hash", hash}});
  } else {
    std::printf("%s\n", hash.c_str());
  }
  return kGood;
}

int generate_key(const KeySettings& settings) {
  const std::string key = make_api_key(settings.prefix);
  if (const Status usable = check_api_key(key); !usable)
    return usage_error("generate-key", "--prefix: " + usable.error().message);
  if (settings.json) {
    print_json({{"key", key}, {"hash", hash_of_api_key(key)}});
  } else {
    std::printf("key:  %s\nhash: %s\n", key.c_str(), hash_of_api_key(key).c_str());
  }
  return kGood;
}

int hash_key(const KeySettings& settings) {
  const auto key = read_secret("key");
  if (!key) return usage_error("hash-key", "expected the key on standard input");
  if (const Status usable = check_api_key(*key); !usable)
    return usage_error("hash-key", usable.error().message);
  if (is_guessable_key(*key))
    std::fprintf(stderr,
                 "portcullis: this key is short enough to be guessed; `generate-key` makes better ones\n");
  return print_hash(hash_of_api_key(*key), format_of(settings.json));
}

int hash_password(const KeySettings& settings) {
  const OutputFormat format = format_of(settings.json);
  const auto password = read_secret("password");
  if (!password) return usage_error("hash-password", "expected the password on standard input");
  const std::string hash = identity::hash_password(*password);
  if (hash.empty()) return fail("hash-password", {kCouldNot, "libcrypt refuses this password"}, format);
  return print_hash(hash, format);
}

}  // namespace

Command generate_key_command() {
  auto settings = std::make_shared<KeySettings>();
  return {
      .name = "generate-key",
      .summary = "Print a new key, and its hash for key_auth",
      .description = "The key is for the caller; the configuration contains only its hash.",
      .options = {{.names = "--prefix",
                   .value = "TEXT",
                   .summary = "The text with which the key begins, such as `shop_`",
                   .target = &settings->prefix},
                  json_option(settings->json)},
      .exits = {{kGood, "the key was printed"}},
      .examples = {{"portcullis generate-key --prefix shop_", "A key that is recognised by its beginning"},
                   {"portcullis generate-key --json", "For programs"}},
      .run = [settings] { return generate_key(*settings); }};
}

Command hash_key_command() {
  auto settings = std::make_shared<KeySettings>();
  return {.name = "hash-key",
          .summary = "Print the hash of the key on standard input, for key_auth",
          .description =
              "The key is one line of standard input. It is not an argument, because other users of the "
              "machine could see arguments.",
          .options = {json_option(settings->json)},
          .exits = {{kGood, "the hash was printed"}},
          .examples = {{"portcullis hash-key < key.txt", "A key from a file"},
                       {"portcullis hash-key --json < key.txt", "For programs"}},
          .run = [settings] { return hash_key(*settings); }};
}

Command hash_password_command() {
  auto settings = std::make_shared<KeySettings>();
  return {.name = "hash-password",
          .summary = "Print a hash of the password on standard input, for basic_auth",
          .description =
              "The password is one line of standard input. It is not an argument, because other users of the "
              "machine could see arguments.",
          .options = {json_option(settings->json)},
          .exits = {{kGood, "the hash was printed"}, {kCouldNot, "libcrypt refuses the password"}},
          .examples = {{"portcullis hash-password < password.txt", "A password from a file"},
                       {"portcullis hash-password --json < password.txt", "For programs"}},
          .run = [settings] { return hash_password(*settings); }};
}

}  // namespace portcullis::cli

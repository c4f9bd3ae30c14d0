#include "cli/credentials.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "identity/password.h"

namespace portcullis::cli {
namespace {

std::string hash_of(const std::string& key) {
  return "sha256:" + crypto::hex_encode(crypto::text_of(crypto::sha256(key)));
}

// One line from standard input, without echo on a terminal: a secret on the command line would be in the
// shell's history and in the list of processes.
std::optional<std::string> read_secret(const char* what) {
  termios before{};
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    std::fprintf(stderr, "%s: ", what);
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputc('\n', stderr);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (!line.empty()) return line;
  std::fprintf(stderr, "portcullis: expected the %s on standard input\n", what);
  return std::nullopt;
}

}  // namespace

int generate_key(const std::string& prefix) {
  const std::string key = prefix + crypto::base64_encode(crypto::random_bytes(32), crypto::Base64::kUrl);
  std::printf("key:  %s\nhash: %s\n", key.c_str(), hash_of(key).c_str());
  return 0;
}

int hash_key() {
  const auto key = read_secret("key");
  if (!key) return 1;
  // The hash of a short key can be guessed by trying them all; of a random one of this length it cannot.
  if (key->size() < 20)
    std::fprintf(stderr,
                 "portcullis: this key is short enough to be guessed; `generate-key` makes better ones\n");
  std::printf("%s\n", hash_of(*key).c_str());
  return 0;
}

int hash_password() {
  const auto password = read_secret("password");
  if (!password) return 1;
  const std::string hash = identity::hash_password(*password);
  if (hash.empty()) {
    std::fprintf(stderr, "portcullis: libcrypt refuses this password\n");
    return 1;
  }
  std::printf("%s\n", hash.c_str());
  return 0;
}

}  // namespace portcullis::cli

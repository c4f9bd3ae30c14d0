#include "store/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "base/read_file.h"
#include "base/unique_fd.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::store {
namespace {

Error key_fault(const std::string& path, const std::string& what) {
  return Error{"key file " + path + ": " + what};
}
Error key_system_fault(const std::string& path, const std::string& what) {
  return key_fault(path, what + ": " + std::strerror(errno));
}

KeyBytes random_key() {
  KeyBytes out;
  const std::string bytes = crypto::random_bytes(out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

std::string base64_of(const KeyBytes& key) {
  return crypto::base64_encode({reinterpret_cast<const char*>(key.data()), key.size()},
                               crypto::Base64::kStandard);
}

std::optional<KeyBytes> key_from_base64(const std::string& text) {
  const auto bytes = crypto::base64_decode(text, crypto::Base64::kStandard);
  KeyBytes out;
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::string text_of_ring(const KeyRing& ring) {
  std::string out =
      "# The keys of a Portcullis store. Without this file the secrets in the store cannot be read.\n"
      "digest " +
      base64_of(ring.digest_key) + "\n";
  for (const Key& key : ring.keys) out += "key " + key.id + " " + base64_of(key.bytes) + "\n";
  return out;
}

std::optional<KeyRing> parse_key_ring(const std::string& text) {
  KeyRing ring;
  bool has_digest = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, id, value, more;
    if (!(words >> name) || name.starts_with('#')) continue;
    if (name == "key" && !(words >> id)) return std::nullopt;
    if (!(words >> value) || words >> more) return std::nullopt;
    const auto bytes = key_from_base64(value);
    if (!bytes) return std::nullopt;
    if (name == "key") {
      ring.keys.push_back({id, *bytes});
    } else if (name == "digest" && !has_digest) {
      ring.digest_key = *bytes;
      has_digest = true;
    } else {
      return std::nullopt;
    }
  }
  if (!has_digest || ring.keys.empty()) return std::nullopt;
  return ring;
}

// Writes all of `text` and waits until it is on the disk.
bool write_durably(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(file) == 0;
}

// Makes a new name in a folder survive a power failure.
void sync_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const UniqueFd opened(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened) ::fsync(opened.get());
}

// A file beside `path` that is removed on destruction.
struct TemporaryKeyFile {
  explicit TemporaryKeyFile(const std::string& path)
      : name(path + "." + crypto::hex_encode(crypto::random_bytes(4))),
        file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
  TemporaryKeyFile(const TemporaryKeyFile&) = delete;
  TemporaryKeyFile& operator=(const TemporaryKeyFile&) = delete;
  ~TemporaryKeyFile() {
    if (file) ::unlink(name.c_str());
  }

  std::string name;
  UniqueFd file;
};

}  // namespace

const Key* KeyRing::find(std::string_view id) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.id == id; });
  return found == keys.end() ? nullptr : &*found;
}

KeyRing generate_key_ring() {
  return {random_key(), {generate_key()}};
}

Key generate_key() {
  return {crypto::hex_encode(crypto::random_bytes(4)), random_key()};
}

Result<std::optional<KeyRing>> read_key_file(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    if (errno == ENOENT) return std::optional<KeyRing>();
    return key_system_fault(path, "cannot be read");
  }
  // The group may read the file, because Kubernetes gives files of secrets to a group.
  if ((about.st_mode & 0037) != 0)
    return key_fault(path, "other users can read or change it: run `chmod 600 " + path + "`");
  const auto text = read_file(path);
  if (!text) return key_fault(path, "cannot be read: " + text.error().message);
  auto ring = parse_key_ring(*text);
  if (!ring) return key_fault(path, "is not a key file, or is damaged: put back its copy");
  return ring;
}

Result<KeyRing> create_key_file(const std::string& path) {
  const KeyRing ring = generate_key_ring();
  const TemporaryKeyFile temporary(path);
  if (!temporary.file || !write_durably(temporary.file.get(), text_of_ring(ring)))
    return key_system_fault(path, "cannot be created");
  // A link, unlike a rename, does not replace the file of another process.
  if (::link(temporary.name.c_str(), path.c_str()) == 0) {
    sync_folder_of(path);
    return ring;
  }
  if (errno != EEXIST) return key_system_fault(path, "cannot be created");
  auto existing = read_key_file(path);
  if (!existing) return existing.error();
  if (!*existing) return key_fault(path, "was removed while it was read");
  return std::move(**existing);
}

Status replace_key_file(const std::string& path, const KeyRing& ring) {
  struct stat before {};
  if (::stat(path.c_str(), &before) != 0) return key_system_fault(path, "cannot be read");
  const TemporaryKeyFile temporary(path);
  if (!temporary.file || !write_durably(temporary.file.get(), text_of_ring(ring)))
    return key_system_fault(path, "cannot be written");
  struct stat made {};
  if (::fstat(temporary.file.get(), &made) != 0) return key_system_fault(path, "cannot be written");
  const bool same_owner = made.st_uid == before.st_uid && made.st_gid == before.st_gid;
  if (!same_owner && ::fchown(temporary.file.get(), before.st_uid, before.st_gid) != 0)
    return key_system_fault(path, "cannot be given to its owner; run the command as the owner or as root");
  if (::fchmod(temporary.file.get(), before.st_mode & 07777) != 0 ||
      ::rename(temporary.name.c_str(), path.c_str()) != 0)
    return key_system_fault(path, "cannot be written");
  sync_folder_of(path);
  return {};
}

}  // namespace portcullis::store

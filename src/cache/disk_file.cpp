#include "cache/disk_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/read_file.h"
#include "cache/disk.h"

namespace portcullis::cache {

namespace {

constexpr int kPrivate = 0600;

// Writes all pieces; a system call may write only a part.
bool write_all(int fd, std::span<iovec> pieces, uint64_t offset) {
  while (!pieces.empty()) {
    const ssize_t wrote =
        ::pwritev(fd, pieces.data(), static_cast<int>(pieces.size()), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    offset += static_cast<uint64_t>(wrote);
    auto left = static_cast<size_t>(wrote);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (left > 0) {
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + left;
      pieces.front().iov_len -= left;
    }
  }
  return true;
}

}  // namespace

// Closing the last descriptor of a deleted file frees its blocks, which takes time, so the pool does it.
DiskFile::~DiskFile() {
  if (nameless_ == nullptr) return;
  written_ = nullptr;
  (void)disk_.pool().submit([file = std::move(nameless_)] {});
}

bool DiskFile::append(std::span<iovec> pieces, std::vector<uint64_t>& sums) {
  if (written_ == nullptr) {
    UniqueFd fd(::open((path_ + ".body").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate));
    if (!fd) return false;
    written_ = std::make_shared<OpenFile>(std::move(fd));
    sum_.reset(XXH3_createState());
    XXH3_64bits_reset(sum_.get());
    if (removed_) {
      nameless_ = written_;
      ::unlink((path_ + ".body").c_str());
    }
    const std::lock_guard lock(mutex_);
    open_ = written_;
  }
  uint64_t size = size_;
  for (const iovec& piece : pieces) {
    const auto* data = static_cast<const char*>(piece.iov_base);
    for (size_t left = piece.iov_len; left > 0;) {
      const size_t part = std::min<size_t>(left, kChunk - size % kChunk);
      XXH3_64bits_update(sum_.get(), data, part);
      data += part;
      left -= part;
      size += part;
      if (size % kChunk != 0) continue;
      sums.push_back(XXH3_64bits_digest(sum_.get()));
      XXH3_64bits_reset(sum_.get());
    }
  }
  if (!write_all(written_->get(), pieces, size_)) return false;
  disk_.note_written(size - size_);
  size_ = size;
  return true;
}

void DiskFile::finish(std::vector<uint64_t>& sums) {
  if (size_ % kChunk != 0) sums.push_back(XXH3_64bits_digest(sum_.get()));
}

bool DiskFile::commit(const DiskHead& head) {
  // The body is synced before the head is written, because a head promises a whole body.
  if (written_ != nullptr && ::fdatasync(written_->get()) != 0) return false;
  if (!write_head(write_disk_head(head))) return false;
  if (written_ != nullptr) disk_.keep_open(std::move(written_));
  written_ = nullptr;
  sum_ = nullptr;
  return true;
}

bool DiskFile::change_lifetime(std::chrono::milliseconds lifetime) {
  const auto text = read_file(path_ + ".head");
  auto head = text ? read_disk_head(*text) : std::nullopt;
  if (!head) return false;
  head->lifetime = lifetime;
  return write_head(write_disk_head(*head));
}

bool DiskFile::write_head(const std::string& text) {
  const std::string fresh = path_ + ".tmp";
  UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivate));
  iovec piece{const_cast<char*>(text.data()), text.size()};
  const bool written = fd && write_all(fd.get(), std::span(&piece, 1), 0) && ::fdatasync(fd.get()) == 0 &&
                       std::rename(fresh.c_str(), (path_ + ".head").c_str()) == 0;
  if (!written) ::unlink(fresh.c_str());
  return written;
}

void DiskFile::remove() {
  removed_ = true;
  nameless_ = open();
  if (nameless_ != nullptr) disk_.let_go(nameless_);
  // The head is removed first, because a head promises a whole body.
  ::unlink((path_ + ".head").c_str());
  ::unlink((path_ + ".body").c_str());
}

void DiskFile::note_lost(int error) {
  if (error != 0) return disk_.note_failed(path_, error);
  disk_.note_damaged(path_);
}

std::shared_ptr<OpenFile> DiskFile::opened() const {
  const std::lock_guard lock(mutex_);
  return open_.lock();
}

std::shared_ptr<OpenFile> DiskFile::open() {
  if (auto already = opened()) return already;
  UniqueFd fd(::open((path_ + ".body").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return nullptr;
  auto made = std::make_shared<OpenFile>(std::move(fd));
  disk_.keep_open(made);
  const std::lock_guard lock(mutex_);
  open_ = made;
  return made;
}

DiskFile::Read DiskFile::read(uint64_t chunk, char* out, size_t size, std::optional<uint64_t> sum,
                              bool at_once) {
  const std::shared_ptr<OpenFile> file = at_once ? opened() : open();
  if (file == nullptr && at_once) return Read::kWouldBlock;
  if (file == nullptr) return errno == EMFILE || errno == ENFILE ? Read::kFailed : Read::kDamaged;
  for (size_t got = 0; got < size;) {
    iovec piece{out + got, size - got};
    const ssize_t read =
        ::preadv2(file->get(), &piece, 1, static_cast<off_t>(chunk * kChunk + got), at_once ? RWF_NOWAIT : 0);
    if (read < 0 && errno == EINTR) continue;
    // Some file systems do not support RWF_NOWAIT; the pool then reads.
    if (read < 0 && at_once) return Read::kWouldBlock;
    if (read <= 0) return Read::kDamaged;
    got += static_cast<size_t>(read);
  }
  if (sum && XXH3_64bits(out, size) != *sum) return Read::kDamaged;
  disk_.note_read(size);
  return Read::kDone;
}

}  // namespace portcullis::cache

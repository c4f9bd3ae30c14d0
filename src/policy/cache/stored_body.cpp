#include "policy/cache/stored_body.h"

#include <cerrno>
#include <utility>

namespace portcullis::policy::cache {

using State = http::BodySource::State;

State StoredBody::next(http::BodyPart& part) {
  // A reader that came too late has nothing to read.
  if (!reader_.valid()) failure_.kind = http::BodyFailure::Kind::kFailed;
  if (failure_.kind != http::BodyFailure::Kind::kNone) return State::kFailed;
  // The beginning goes with the head, so that a small body leaves with one write.
  std::string_view text = std::exchange(has_begun_, true) ? std::string_view() : reader_.take();
  if (text.empty() && part.takes_file && may_give_files_) {
    if (const auto range = reader_.next_in_file()) {
      part.file = {range->file.get(), range->begin, range->size};
      return State::kPart;
    }
  }
  if (text.empty() && !reader_.needs_disk()) text = reader_.take();
  part.runs.add(text);
  part.size = text.size();
  part.last = reader_.at_end();
  return part.last || part.size > 0 ? State::kPart : State::kWait;
}

Task<void> StoredBody::wait() {
  if (reader_.at_end()) co_return;
  Task<bool> waiting = reader_.wait(loop_, timeout_);
  if (!co_await waiting) failure_.kind = http::BodyFailure::Kind::kFailed;
}

void StoredBody::file_sent(size_t bytes, int error) {
  reader_.skip(bytes);
  // A file system that cannot do it.
  if (error == EINVAL || error == ENOSYS || error == EOPNOTSUPP) may_give_files_ = false;
  if (error != EIO) return;
  reader_.note_unreadable();
  failure_ = {.kind = http::BodyFailure::Kind::kFailed, .error = error};
}

}  // namespace portcullis::policy::cache

#include "config/file_origin.h"

#include <utility>

#include "config/loader.h"

namespace portcullis::config {

FileOrigin::FileOrigin(EventLoop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}

Task<Reading> FileOrigin::read() {
  Sources sources;
  Reading reading = read_path(path_, sources, kept_);
  // What came into a folder before it was watched has not been told of.
  if (watch_ && watch_->set_files(sources.files)) on_change_();
  co_return reading;
}

void FileOrigin::watch(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
  watch_ = std::make_unique<FileWatch>(loop_, on_change_);
  // Before the first read, so that it finds its folder watched.
  watch_->set_files({path_});
}

}  // namespace portcullis::config

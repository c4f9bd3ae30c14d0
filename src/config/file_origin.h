#pragma once

#include <memory>
#include <string>

#include "config/kept_items.h"
#include "config/origin.h"
#include "runtime/file_watch.h"

namespace portcullis::config {

// A configuration in a file or a folder (config/source_reader.h). Its reads do not suspend: they take the
// time that the file system takes. Routes whose texts have not changed are the objects of the last reading.
class FileOrigin final : public Origin {
 public:
  FileOrigin(EventLoop& loop, std::string path);

  const std::string& name() const override { return path_; }
  std::string_view kind() const override { return "files"; }
  Task<Reading> read() override;
  // Watches the folders of all files of the latest reading, included ones among them.
  void watch(std::function<void()> on_change) override;

 private:
  EventLoop& loop_;
  const std::string path_;
  std::function<void()> on_change_;
  std::unique_ptr<FileWatch> watch_;  // null until watch() is called
  const std::shared_ptr<KeptItems> kept_ = std::make_shared<KeptItems>();
};

}  // namespace portcullis::config

#include "discovery/source.h"
#include "runtime/file_watch.h"

namespace portcullis::discovery {
namespace {

// A list of targets in a file, which is read again when something in the file's folder has changed.
class FileSource final : public Source {
 public:
  FileSource(Environment& environment, const config::Discover& told, OnTargets on_targets)
      : Source(environment, told.describe(), std::move(on_targets)),
        path_(told.file),
        watch_(environment.loop, [this] { read(); }) {
    read();
  }

 private:
  // A symbolic link may point to another folder now.
  void read() {
    watch_.set_files({path_});
    config::Diagnostics diagnostics;
    auto targets = config::read_targets(path_, diagnostics);
    if (!targets) return fail("cannot read the file: " + targets.error().message);
    if (!diagnostics.has_errors()) return publish(std::move(*targets));
    std::string why;
    for (const config::Diagnostic& one : diagnostics.sorted())
      why += (why.empty() ? "" : "; ") + one.to_string();
    fail(why);
  }

  const std::string path_;
  FileWatch watch_;
};

}  // namespace

std::unique_ptr<Source> make_file_source(Environment& environment, const config::Discover& told,
                                         Source::OnTargets on_targets) {
  return std::make_unique<FileSource>(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

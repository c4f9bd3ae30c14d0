#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"

namespace portcullis::control {

struct KeptDraft {
  std::string text;
  uint64_t version = 0;  // another one after each write
  std::string fault{};   // why the text cannot be read; empty when it can
};

// Where drafts are kept. Texts have secrets, and are encrypted where they lie. An error says that the place
// could not do its work. A writer says which version it has seen (0: there was no such draft), and writes
// nothing when there is another one. Control thread.
class DraftKeeper {
 public:
  static constexpr size_t kMaxDrafts = 100;
  static constexpr size_t kMaxBytes = 16 << 20;  // of one draft's text

  enum class Outcome {
    kDone,
    kConflict,  // there is another version
    kTooMany,   // there are kMaxDrafts already, and this one would be new
  };

  virtual ~DraftKeeper() = default;

  // In the order of names.
  virtual Task<Result<std::vector<std::string>>> names() = 0;
  virtual Task<Result<std::optional<KeptDraft>>> read(std::string name) = 0;
  // `text` has at most kMaxBytes.
  virtual Task<Result<Outcome>> write(std::string name, std::string text, uint64_t seen) = 0;
  virtual Task<Result<Outcome>> remove(std::string name, uint64_t seen) = 0;
};

}  // namespace portcullis::control

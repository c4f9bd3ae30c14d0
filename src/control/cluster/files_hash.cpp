#include "control/cluster/files_hash.h"

#include <utility>

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::control {

const std::string& FilesHash::of(const LiveObjects& live, const RevisionStore& store) {
  constexpr size_t kDigits = 32;
  std::vector<ObjectPointer> files = live.of_files();
  if (!hash_.empty() && files == files_) return hash_;
  std::string digests;
  for (const ObjectPointer& one : files) digests += store.digest_of(stored_form_of(*one));
  const crypto::Digest256 hash = crypto::sha256(digests);
  hash_ = crypto::hex_encode(crypto::text_of(hash)).substr(0, kDigits);
  files_ = std::move(files);
  return hash_;
}

}  // namespace portcullis::control

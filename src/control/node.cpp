#include "control/node.h"

#include <unistd.h>

#include <algorithm>

#include "base/say.h"
#include "control/revisions/revision_store.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::control {
namespace {

constexpr std::string_view kNote = "node_id";  // the name in the store

// The name of the host without its domain, with `-` for characters that an id may not have.
std::string host_part() {
  char name[256] = "";
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "node";
  std::string out(name);
  out.resize(std::min(out.size(), out.find('.')));
  constexpr const char* kCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  for (size_t at = 0; (at = out.find_first_not_of(kCharacters, at)) != std::string::npos;) out[at] = '-';
  return out.empty() ? "node" : out;
}

}  // namespace

std::string choose_node_id(const config::Node& settings, RevisionStore& store) {
  if (!settings.id.empty()) return settings.id;
  std::string fresh = host_part() + "-" + crypto::hex_encode(crypto::random_bytes(2));
  const auto kept = store.ask_now<std::string>([&fresh](store::Store& opened) -> Result<std::string> {
    auto known = opened.note(kNote);
    if (!known || !known->empty()) return known;
    if (const Status set = opened.set_note(kNote, fresh); !set) return set.error();
    return fresh;
  });
  if (kept) return *kept;
  say(Level::kWarning, "the id of this node, " + fresh +
                           ", could not be kept, and changes with the next start: " + kept.error().message);
  return fresh;
}

}  // namespace portcullis::control

#include "discovery/source.h"

#include <algorithm>

#include "base/random.h"
#include "crypto/digest.h"

namespace portcullis::discovery {
namespace {

// One text for lists that are the same.
std::string text_of(const Source::Targets& targets) {
  std::string out;
  for (const config::Target& one : targets) {
    out +=
        one.address + " " + std::to_string(one.weight) + " " + std::to_string(one.priority) + " " + one.zone;
    for (const auto& [key, value] : one.metadata) out += "\t" + key + "=" + value;
    out += "\n";
  }
  return out;
}

}  // namespace

void Source::publish(Targets targets) {
  // In one order, however they come, so that a change is a change.
  std::sort(targets.begin(), targets.end(),
            [](const config::Target& a, const config::Target& b) { return a.address < b.address; });
  if (!last_error_.empty()) environment_.say("discovery, " + name_ + ": it answers again");
  last_error_.clear();
  std::string text = text_of(targets);
  if (answered_ && text == last_) return;
  answered_ = true;
  last_ = std::move(text);
  on_targets_(std::move(targets));
}

void Source::fail(const std::string& why) {
  answered_ = true;
  if (why != last_error_) environment_.say("discovery, " + name_ + ": " + why);
  last_error_ = why;
}

Milliseconds Backoff::next() {
  static thread_local Random random(crypto::random_seed());
  const int64_t whole = std::min<int64_t>(500 << std::min(failures_++, 6u), 15'000);
  return Milliseconds(whole / 2 + static_cast<int64_t>(random.below(static_cast<uint64_t>(whole / 2))));
}

std::unique_ptr<Source> make_source(Environment& environment, const config::Discover& told,
                                    Source::OnTargets on_targets) {
  const auto make = !told.srv.empty()              ? make_srv_source
                    : !told.file.empty()           ? make_file_source
                    : !told.consul.service.empty() ? make_consul_source
                                                   : make_etcd_source;
  return make(environment, told, std::move(on_targets));
}

}  // namespace portcullis::discovery

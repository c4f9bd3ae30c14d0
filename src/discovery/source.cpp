#include "discovery/source.h"

#include <algorithm>
#include <utility>

#include "base/faults.h"

namespace portcullis::discovery {

void Source::publish(Targets targets) {
  // Sorted, so that a list in another order counts as unchanged.
  std::sort(targets.begin(), targets.end(),
            [](const config::Target& a, const config::Target& b) { return a.address < b.address; });
  if (!last_error_.empty()) environment_.say(Level::kInfo, "discovery, " + name_ + ": it answers again");
  last_error_.clear();
  has_list_ = true;
  on_targets_(std::move(targets));
  note_answered();
}

void Source::fail(const std::string& why) {
  note_answered();
  count_fault(Fault::kDiscovery);
  if (why != last_error_)
    environment_.say(Level::kWarning, "discovery, " + name_ + ": " + why +
                                          (has_list_ ? "; the targets of its last list stay in use" : ""));
  last_error_ = why;
}

void Source::note_answered() {
  if (!std::exchange(answered_, true) && environment_.on_answered) environment_.on_answered();
}

void use_tls(const config::SourceTls& told, client::HttpRequest& request) {
  request.ca_file = told.ca;
  request.certificate_file = told.cert;
  request.key_file = told.key;
}

std::string problem_of(const client::HttpResponse& answer) {
  if (!answer.error.empty()) return answer.error;
  return answer.ok() ? "" : "it answers " + std::to_string(answer.status);
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

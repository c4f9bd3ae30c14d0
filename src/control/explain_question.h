#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/explain.h"
#include "proxy/rehearsal.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// A question in the form of a request at a listener.
struct PutQuestion {
  proxy::RehearsalRequest request;
  std::string listener{};              // the name of the listener; empty when there are no listeners
  std::string handshake_fault{};       // why the TLS handshake would fail; empty when it succeeds
  std::vector<std::string> assumed{};  // descriptions of what is assumed because the question does not say it
};

// Puts the question to the listener that it names, or to the one that suits its URL best: by the port, by TLS
// for https, otherwise the first listener. Returns an error when no client could send such a request. Reads
// no files.
Result<PutQuestion> put_question(const Question& question, const proxy::Snapshot& snapshot,
                                 policy::Purpose purpose);

}  // namespace portcullis::control

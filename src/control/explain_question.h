#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "control/explain.h"
#include "proxy/rehearsal.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// A question as a request at a listener.
struct PutQuestion {
  proxy::RehearsalRequest request;
  std::string listener{};  // its name; empty: there is none
  std::string
      handshake_fault{};  // why there would be no request: the TLS handshake fails; empty: it does not
  std::vector<std::string> assumed{};  // what the question does not say
};

// Puts the question to the snapshot's listener that it names, or that suits its URL best: by the port, by TLS
// for https, or else the first. An error: no client could send such a request. Reads no file.
Result<PutQuestion> put_question(const Question& question, const proxy::Snapshot& snapshot,
                                 policy::Purpose purpose);

}  // namespace portcullis::control

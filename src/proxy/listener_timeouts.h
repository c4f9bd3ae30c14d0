#pragma once

#include <chrono>

namespace portcullis::proxy {

// Max times for the requests and responses of a listener's clients. The members have the names of the
// configuration's keys.
struct ListenerTimeouts {
  std::chrono::milliseconds head{10'000};  // from the first byte of a request's head to its last
  std::chrono::milliseconds body{60'000};  // between two pieces of a request's body
  std::chrono::milliseconds send{60'000};  // between two pieces of the response that the client reads
  std::chrono::milliseconds idle{75'000};  // between two requests
};

}  // namespace portcullis::proxy

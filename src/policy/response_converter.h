#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace portcullis::policy {

// Makes something else of a target's response before the policies, and the client, see it. A policy makes one
// for an exchange in on_request; when the request is sent once more, begin() is called anew. On its worker's
// thread. It and what it writes are on the heap: whoever asks for another form of a body pays for a copy of
// it, and nobody else does.
class ResponseConverter {
 public:
  enum class Way : uint8_t {
    kPass,    // the body goes on as it came
    kStream,  // piece by piece, after the head
    kFirst,   // likewise, but the head waits for the first of it, on which it depends
    kWhole,   // the body comes first, for the head depends on it
  };

  virtual ~ResponseConverter() = default;

  // The target's head has come. Changes it, unless that depends on the body.
  virtual Way begin(http::ResponseHead& response) = 0;
  // Most bytes of a body that is received whole.
  virtual size_t limit() const { return 0; }
  // Appends to `out` what becomes of these bytes of the body; may change the head until that is something.
  // False: the target's message has failed, and what has been sent is not all of it.
  virtual bool convert(std::string_view data, std::string& out) = 0;
  // Likewise at the body's end, of its trailers: lines, each with its CRLF.
  virtual bool finish(std::string_view trailers, std::string& out) = 0;

  // Appends what it has kept back, because nothing else may come for a while.
  virtual void flush(std::string& /*out*/) {}
  // Nothing comes before finish(), so that the head may wait for it.
  virtual bool waits_for_all() const { return false; }
  // The first bytes show whether the message can be read at all: the head waits until something has come of
  // them.
  virtual bool checks_beginning() const { return false; }
  // What follows the body still does; else finish() has made use of it.
  virtual bool keeps_trailers() const { return false; }

  // Why convert() or finish() has said so, for the log.
  virtual std::string_view failure() const { return "upstream_malformed"; }

  // The content type of an answer of the gateway's own that says what went wrong as gRPC does; empty: such
  // answers are as for everybody.
  virtual std::string_view grpc_type() const { return {}; }
};

}  // namespace portcullis::policy

#pragma once

#include "http/message.h"

namespace portcullis::http {

// True for a field that belongs to one hop and is not passed on (RFC 9110 section 7.6.1): the known ones, and
// those that the message's Connection field names. Host and the framing are the caller's to write.
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  bool drops(const Field& field) const;

 private:
  const Fields& fields_;
  bool names_others_ = false;
};

}  // namespace portcullis::http

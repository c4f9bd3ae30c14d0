#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string_view>

#include "base/text_writer.h"

namespace portcullis::http {

// Serialises one head of HTTP/1, or the field lines of a head of any version.
class HeadWriter : public TextWriter {
 public:
  using TextWriter::TextWriter;

  // Writes a field line. The value may be given in several pieces.
  template <typename... Pieces>
  void field(std::string_view name, const Pieces&... value) {
    write(name, ": ", value..., "\r\n");
  }
  // Writes a field line whose value is a number.
  void number_field(std::string_view name, uint64_t value) {
    write(name, ": ");
    number(value);
    write("\r\n");
  }
  iovec piece() const { return {const_cast<char*>(text().data()), size()}; }
};

}  // namespace portcullis::http

#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <span>
#include <string_view>

#include "base/text.h"
#include "http/message.h"

namespace portcullis::http::h2 {

// The fields of a head to be sent, as an array for nghttp2. nghttp2 writes names in lower case and copies all
// names and values, so the referenced texts may be freed after the block was submitted.
class FieldBlock {
 public:
  void field(std::string_view name, std::string_view value) {
    is_whole_ = is_whole_ && size_ < fields_.size();
    if (!is_whole_) return;
    fields_[size_++] = {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  // Adds field lines in HTTP/1 format, each with its CRLF, without the field named `left_out`.
  void lines(std::string_view text, std::string_view left_out = {}) {
    while (!text.empty()) {
      const size_t end = text.find("\r\n");
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end + 2);
      const size_t colon = line.find(':');
      const size_t value = line.find_first_not_of(" \t", colon + 1);
      const std::string_view name = line.substr(0, colon);
      if (!left_out.empty() && equals_ignoring_case(name, left_out)) continue;
      field(name, value == std::string_view::npos ? std::string_view() : line.substr(value));
    }
  }
  std::span<const nghttp2_nv> fields() const { return {fields_.data(), size_}; }
  // False when the block was too small for all fields. A head has at most Fields::kCapacity fields; HTTP/1
  // trailers may have more.
  bool is_whole() const { return is_whole_; }

 private:
  static uint8_t* bytes(std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  }

  size_t size_ = 0;
  bool is_whole_ = true;
  std::array<nghttp2_nv, Fields::kCapacity + 32> fields_;
};

}  // namespace portcullis::http::h2

#pragma once

#include <string>
#include <string_view>

#include "policy/response_converter.h"

namespace portcullis::policy {

// Two converters one after the other, which outlive it.
class ConverterChain final : public ResponseConverter {
 public:
  ConverterChain(ResponseConverter& first, ResponseConverter& second) : first_(first), second_(second) {}

  Way begin(http::ResponseHead&) override { return Way::kStream; }
  bool convert(std::string_view data, std::string& out) override {
    between_.clear();
    return first_.convert(data, between_) && second_.convert(between_, out);
  }
  bool finish(std::string_view trailers, std::string& out) override {
    between_.clear();
    if (!first_.finish(trailers, between_) || !second_.convert(between_, out)) return false;
    return second_.finish(first_.keeps_trailers() ? trailers : std::string_view(), out);
  }
  void flush(std::string& out) override {
    between_.clear();
    first_.flush(between_);
    if (!between_.empty()) (void)second_.convert(between_, out);
    second_.flush(out);
  }
  bool waits_for_all() const override { return first_.waits_for_all() || second_.waits_for_all(); }
  bool checks_beginning() const override { return first_.checks_beginning() || second_.checks_beginning(); }
  bool keeps_trailers() const override { return first_.keeps_trailers() && second_.keeps_trailers(); }
  std::string_view failure() const override { return first_.failure(); }

 private:
  ResponseConverter& first_;
  ResponseConverter& second_;
  std::string between_;
};

}  // namespace portcullis::policy

#pragma once

#include <string>
#include <utility>

#include "config/loader.h"
#include "config/origin.h"

namespace portcullis::config {

// A configuration that this process has been given as a text and keeps for its life.
class TextOrigin final : public Origin {
 public:
  // `name` stands for the file in messages.
  TextOrigin(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}

  const std::string& name() const override { return name_; }
  std::string_view kind() const override { return "text"; }
  bool can_change() const override { return false; }
  Task<Reading> read() override { co_return read_text(text_, name_); }
  void watch(std::function<void()>) override {}

 private:
  const std::string name_;
  const std::string text_;
};

}  // namespace portcullis::config

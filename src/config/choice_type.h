#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "config/type.h"

namespace portcullis::config {

// One of several words, stored as a value of an enum. Only ChoiceType<E> below knows which enum
// that is.
class AnyChoice : public AnyType {
 public:
  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override;
  // The words have a form of their own beside texts with variables, so that editors offer them.
  nlohmann::json json_schema() const override;
  std::string describe() const override { return kind_; }
  std::string example() const override { return std::string(words_.back()); }
  std::optional<std::string> yaml_of(Place place) const override;

 protected:
  explicit AnyChoice(std::vector<std::string_view> words);
  // Stores what the word of that number stands for.
  virtual void store(size_t word, Place out) const = 0;
  // The word for what is stored at `place`; empty when there is none.
  virtual std::string_view word_at(Place place) const = 0;

 private:
  std::vector<std::string_view> words_;
  std::string kind_;
};

template <typename E>
class ChoiceType final : public AnyChoice {
 public:
  using Value = E;

  ChoiceType() : AnyChoice(words()) {}

 private:
  static std::vector<std::string_view> words() {
    std::vector<std::string_view> out;
    for (const EnumName<E>& one : names_of(E{})) out.push_back(one.name);
    return out;
  }
  void store(size_t word, Place out) const override { out.as<E>() = names_of(E{})[word].value; }
  std::string_view word_at(Place place) const override { return name_of(place.as<E>()); }
};

// The names of the enum E (base/enum_names.h).
template <NamedEnum E>
Type<E> choice() {
  return std::make_shared<ChoiceType<E>>();
}

}  // namespace portcullis::config

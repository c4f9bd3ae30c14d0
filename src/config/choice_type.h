#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "config/type.h"

namespace portcullis::config {

// A word from a fixed set, stored as a value of an enum. Only ChoiceType<E> below knows the enum.
class AnyChoice : public AnyType {
 public:
  void load(const YamlNode& node, Place out, Diagnostics& diagnostics) const override;
  // The words are a separate alternative to texts with variables in the schema, so that editors suggest them.
  nlohmann::json json_schema() const override;
  std::string describe() const override { return kind_; }
  std::string example() const override { return std::string(words_.back()); }
  std::optional<std::string> yaml_of(Place place) const override;

 protected:
  explicit AnyChoice(std::vector<std::string_view> words);
  // Stores the value for the word with that index.
  virtual void store(size_t word, Place out) const = 0;
  // The word for the value at `place`; empty when no word stands for it.
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

// The words are the names of the enum E (base/enum_names.h).
template <NamedEnum E>
Type<E> choice() {
  return std::make_shared<ChoiceType<E>>();
}

}  // namespace portcullis::config

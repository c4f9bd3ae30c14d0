#include "compression/coding.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::compression {
namespace {

// Parses "1", "0.5" or "0.123" into thousandths; invalid weights count as 0.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = (text[0] - '0') * 1000;
  if (text.size() < 2 || text[1] != '.') return weight;
  int unit = 100;
  for (const char c : text.substr(2, 3)) {
    if (c < '0' || c > '9') break;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return std::min(weight, 1000);
}

}  // namespace

std::optional<Coding> coding_of(std::string_view name) {
  for (const EnumName<Coding>& one : names_of(Coding{})) {
    if (equals_ignoring_case(name, one.name)) return one.value;
  }
  return equals_ignoring_case(name, "x-gzip") ? std::optional(Coding::kGzip) : std::nullopt;
}

Accepted::Accepted(std::string_view list) {
  for_each_list_element(list, [this](std::string_view element) {
    const size_t end = std::min(element.find(';'), element.size());
    const std::string_view name = trim(element.substr(0, end));
    int weight = 1000;
    if (end < element.size()) {
      const std::string_view parameter = trim(element.substr(end + 1));
      if (parameter.size() >= 2 && ascii_lower(parameter[0]) == 'q' && parameter[1] == '=')
        weight = parse_weight(parameter.substr(2));
    }
    if (name == "*") any_ = weight;
    if (equals_ignoring_case(name, "identity")) identity_ = weight;
    if (const auto coding = coding_of(name)) weights_[static_cast<size_t>(*coding)] = weight;
  });
}

int Accepted::weight_of(Coding coding) const {
  const int named = weights_[static_cast<size_t>(coding)];
  return named >= 0 ? named : std::max(any_, 0);
}

std::optional<Coding> Accepted::best_of(const std::vector<Coding>& offered) const {
  std::optional<Coding> best;
  int max = 0;
  for (const Coding coding : offered) {
    const int weight = weight_of(coding);
    if (weight <= max) continue;
    best = coding;
    max = weight;
  }
  return max < identity_ ? std::nullopt : best;
}

}  // namespace portcullis::compression

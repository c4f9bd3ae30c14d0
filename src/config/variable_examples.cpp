#include "config/variable_examples.h"

#include <utility>

namespace portcullis::config {
namespace {

std::string written(const std::string& title, VariableForm form) {
  switch (form) {
    case VariableForm::kText: return "{" + title + "}";
    case VariableForm::kName: return title;
    case VariableForm::kCondition: return title + " exists";
  }
  return title;
}

}  // namespace

std::vector<std::string> variable_examples(VariableForm form, variables::Moment moment,
                                           const TextCheck& check) {
  std::vector<std::string> out;
  for (const variables::Row& row : variables::all()) {
    if (!row.can_be_read(moment)) continue;
    std::string text = written(row.title(), form);
    if (check(text).empty()) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace portcullis::config

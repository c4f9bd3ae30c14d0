#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/schema.h"
#include "variables/variable.h"

namespace portcullis::config {

// How a setting writes a variable.
enum class VariableForm : uint8_t {
  kText,       // within a text: "{request.host}"
  kName,       // alone, as the key of a limit: "request.host"
  kCondition,  // in a condition: "request.host exists"
};

// Texts for the `examples` of a JSON Schema, from which editors complete a value: one for each variable of
// the table that has a value at `moment`, unless `check` refuses the text.
std::vector<std::string> variable_examples(VariableForm form, variables::Moment moment,
                                           const TextCheck& check = any_text);

}  // namespace portcullis::config

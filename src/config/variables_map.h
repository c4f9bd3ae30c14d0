#pragma once

#include "config/policy_type.h"
#include "variables/variable.h"

namespace portcullis::config {

// As variables_map() of config/policy_type.h, for texts that are expanded at `moment`. That one is for texts
// of a response.
Type<TextMap> variables_map(TextCheck check_key, std::string example, TextCheck check_value,
                            variables::Moment moment);

}  // namespace portcullis::config

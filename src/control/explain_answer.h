#pragma once

#include <nlohmann/json_fwd.hpp>

#include "control/explain.h"
#include "control/explain_question.h"
#include "proxy/rehearsal.h"

namespace portcullis::control {

// What was found, as the document of explain(). `put` is the question as it was put, `served` what the
// rehearsal went by.
nlohmann::json tell(const proxy::Rehearsal& found, const PutQuestion& put, const Question& question,
                    const Served& served);

}  // namespace portcullis::control

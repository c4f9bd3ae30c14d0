#pragma once

#include <nlohmann/json_fwd.hpp>

#include "control/explain.h"
#include "control/explain_question.h"
#include "proxy/rehearsal.h"

namespace portcullis::control {

// Makes the document of explain() from the result of a rehearsal. `put` is the question as it was put,
// `served` the configuration that the rehearsal used.
nlohmann::json tell(const proxy::Rehearsal& found, const PutQuestion& put, const Question& question,
                    const Served& served);

}  // namespace portcullis::control

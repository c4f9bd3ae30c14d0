#pragma once

#include <string_view>

#include "policy/caller_read.h"
#include "policy/policy.h"
#include "variables/variable.h"

namespace portcullis::policy {

// The text of a variable for this exchange, in the exchange's arena or in what the context refers to. Empty
// where the exchange has none, and for the variables that only the access log has. Control characters cannot
// come in: the parser has checked fields and targets, and texts of other origin that hold one are empty here.
std::string_view value_of(const variables::Reference& what, const Context& context);

// What `what` reads of the caller: adds nothing, or one entry.
void add_caller_read(const variables::Reference& what, CallerReads& out);

// Adds the header field that `what` reads, if it reads one.
void add_read_field(const variables::Reference& what, OwnedFields& fields);

}  // namespace portcullis::policy

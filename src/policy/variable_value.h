#pragma once

#include <string_view>

#include "policy/caller_read.h"
#include "policy/policy.h"
#include "variables/variable.h"

namespace portcullis::policy {

// The text of a variable for this exchange, in the exchange's arena or in memory that the context refers to.
// Empty when the exchange has no value, and for variables that exist only in the access log. The text has no
// control characters: the parser has checked fields and targets, and a text of another origin with a control
// character gives an empty text.
std::string_view value_of(const variables::Reference& what, const Context& context);

// Adds the property of the caller that `what` reads, if it reads one.
void add_caller_read(const variables::Reference& what, CallerReads& out);

// Adds the header field that `what` reads, if it reads one.
void add_read_field(const variables::Reference& what, OwnedFields& fields);

}  // namespace portcullis::policy

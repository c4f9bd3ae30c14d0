#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `redirect`: Answers with a redirection.
Kind redirect_kind();

}  // namespace portcullis::policy

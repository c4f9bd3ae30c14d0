#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

Kind compress_kind();

}  // namespace portcullis::policy

#pragma once

#include "policy/policy.h"

namespace portcullis::policy::mtls {

// `mtls`: Identifies the consumer by the certificate of the client in the TLS handshake.
Kind kind();

}  // namespace portcullis::policy::mtls

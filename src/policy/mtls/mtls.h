#pragma once

#include "policy/policy.h"

namespace portcullis::policy {

// `mtls`: Tells the consumer by the certificate that the client has shown in the TLS handshake.
Kind mtls_kind();

}  // namespace portcullis::policy

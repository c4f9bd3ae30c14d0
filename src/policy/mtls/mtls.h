#pragma once

#include "policy/policy.h"

namespace portcullis::policy::mtls {

// `mtls`: Tells the consumer by the certificate that the client has shown in the TLS handshake.
Kind kind();

}  // namespace portcullis::policy::mtls

#pragma once

#include "config/schema.h"
#include "runtime/tcp_keepalive.h"

namespace portcullis::config {

// The settings `tcp_keepalive` of listeners and upstreams.
Type<TcpKeepalive> tcp_keepalive_type();

}  // namespace portcullis::config

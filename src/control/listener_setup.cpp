#include "control/listener_setup.h"

#include <algorithm>
#include <utility>

#include "config/field_types.h"

namespace portcullis::control {

constexpr uint64_t kMinSendBuffer = 16 << 10;

Result<proxy::ListenerSettings> compile_listener(const config::Listener& listener,
                                                 telemetry::Registry& metrics, TlsState& tls,
                                                 std::shared_ptr<proxy::AddressCounts> counts) {
  proxy::ListenerSettings settings;
  settings.name = listener.name;
  settings.address = *SocketAddress::parse(listener.address);
  settings.address_text = settings.address.to_string();
  settings.rights = {config::mode_of(listener.mode), listener.group};
  settings.limits = listener.limits;
  settings.limits.strict_targets = listener.strict_targets;
  settings.limits.send_buffer = std::max(listener.limits.send_buffer, kMinSendBuffer);
  settings.timeouts = listener.timeouts;
  settings.http2 = listener.http2;
  settings.half_close = listener.half_close ? proxy::HalfClose::kIsServed : proxy::HalfClose::kLeaves;
  for (const std::string& range : listener.trusted_proxies)
    settings.forwarding.trusted_proxies.push_back(*IpRange::parse(range));
  settings.forwarding.form = listener.forwarded;
  settings.forwarding.via = listener.via;
  settings.forwarding.drop_from_untrusted = http::FieldNames(listener.drop_from_untrusted);
  settings.request_trailers = http::FieldNames(listener.trailers.request);
  settings.response_trailers = http::FieldNames(listener.trailers.response);
  settings.path_rules = {listener.ambiguous_paths, listener.merge_slashes};
  settings.address_counts = std::move(counts);
  settings.metrics = metrics.listener(listener.address);
  settings.keepalive = listener.tcp_keepalive;
  for (const std::string& range : listener.proxy_protocol)
    settings.proxy_protocol.push_back(*IpRange::parse(range));
  settings.https_port = static_cast<uint16_t>(listener.redirect_to_https.port);
  if (!listener.tls.enabled()) return settings;
  auto context = make_server_context(listener, tls);
  if (!context) return context.error();
  settings.tls = std::move(*context);
  settings.hsts = hsts_of(listener.tls.hsts);
  settings.forward_client_certificate = listener.tls.forward_client_certificate;
  return settings;
}

}  // namespace portcullis::control

#pragma once

#include "telemetry/end_reason.h"

namespace portcullis::telemetry {

// The gateway's own reasons, in the order in which a request can meet them. Reasons of policies are in the
// policies' folders.
struct Ends {
  using By = EndedBy;
  using Phase = EndPhase;

  EndReason complete{"complete", By::kTarget, Phase::kBody, 0,
                     "The whole response was passed on to the client."};
  EndReason client_closed{"client_closed", By::kClient, Phase::kAny, 0,
                          "The client left before it had the whole response."};
  EndReason send_timeout{"send_timeout", By::kClient, Phase::kBody, 0,
                         "The client stopped reading its response."};

  // The request cannot be read.
  EndReason head_timeout{"head_timeout", By::kClient, Phase::kHead, 408,
                         "The request's head did not come in time."};
  EndReason handshake_failed{"handshake_failed", By::kClient, Phase::kHead, 0,
                             "The TLS handshake fails, so the request never reaches the gateway. Only "
                             "`portcullis explain` says so."};
  EndReason bare_cr{"bare_cr", By::kClient, Phase::kHead, 400,
                    "The request's head has a carriage return without a line feed."};
  EndReason bare_lf{"bare_lf", By::kClient, Phase::kHead, 400,
                    "The request's head has a line feed without a carriage return."};
  EndReason bad_method{"bad_method", By::kClient, Phase::kHead, 400, "The request's method is not valid."};
  EndReason bad_target{"bad_target", By::kClient, Phase::kHead, 400, "The request's target is not valid."};
  EndReason target_too_long{"target_too_long", By::kGateway, Phase::kHead, 414,
                            "The request's target is longer than the listener's `limits.target_length`."};
  EndReason bad_version{"bad_version", By::kClient, Phase::kHead, 400,
                        "The request's version of HTTP is not valid."};
  EndReason unsupported_version{"unsupported_version", By::kGateway, Phase::kHead, 505,
                                "The gateway does not speak the request's version of HTTP."};
  EndReason bad_field_name{"bad_field_name", By::kClient, Phase::kHead, 400,
                           "The name of a field of the request has characters that no name may have."};
  EndReason bad_field_value{"bad_field_value", By::kClient, Phase::kHead, 400,
                            "The value of a field of the request has characters that no value may have."};
  EndReason obsolete_folding{
      "obsolete_folding", By::kClient, Phase::kHead, 400,
      "A field of the request continues on further lines, which HTTP no longer allows."};
  EndReason too_many_fields{"too_many_fields", By::kGateway, Phase::kHead, 431,
                            "The request has more fields than the listener's `limits.field_count`, or than "
                            "a policy allows."};
  EndReason head_too_large{"head_too_large", By::kGateway, Phase::kHead, 431,
                           "The request's head is larger than the listener's `limits.head_size`."};
  EndReason bad_content_length{"bad_content_length", By::kClient, Phase::kHead, 400,
                               "The request's `Content-Length` is not a number."};
  EndReason conflicting_length{"conflicting_length", By::kClient, Phase::kHead, 400,
                               "The request states the length of its body in two ways: by two values of "
                               "`Content-Length`, or by `Content-Length` and `Transfer-Encoding`."};
  EndReason bad_transfer_encoding{"bad_transfer_encoding", By::kClient, Phase::kHead, 400,
                                  "The request's `Transfer-Encoding` cannot be read."};
  EndReason unsupported_transfer_encoding{"unsupported_transfer_encoding", By::kGateway, Phase::kHead, 501,
                                          "The gateway does not know the request's `Transfer-Encoding`."};
  EndReason too_many_connection_options{"too_many_connection_options", By::kGateway, Phase::kHead, 400,
                                        "The request's `Connection` field has more than 64 options."};
  EndReason missing_host{"missing_host", By::kClient, Phase::kHead, 400, "The request names no host."};
  EndReason duplicate_host{"duplicate_host", By::kClient, Phase::kHead, 400,
                           "The request has two `Host` fields."};
  EndReason bad_host{"bad_host", By::kClient, Phase::kHead, 400,
                     "The host that the request names is not valid."};
  EndReason host_disagrees{"host_disagrees", By::kClient, Phase::kHead, 400,
                           "The request's target and its `Host` field name different hosts."};

  // Answers of the gateway before it asks policies and targets.
  EndReason ambiguous_path{
      "ambiguous_path", By::kClient, Phase::kHead, 400,
      "The request's path can be read in two ways, so the gateway cannot normalise it safely."};
  EndReason redirected_to_https{
      "redirected_to_https", By::kGateway, Phase::kHead, 308,
      "The listener's `redirect_to_https` sends clients that come without TLS to `https`."};
  EndReason misdirected_request{"misdirected_request", By::kGateway, Phase::kHead, 421,
                                "The listener asks for client certificates by server name: for the request's "
                                "host it does, but the handshake of the connection was for another name."};
  EndReason options_answered{"options_answered", By::kGateway, Phase::kHead, 204,
                             "The gateway itself answered `OPTIONS *`, or OPTIONS with `Max-Forwards: 0`."};
  EndReason no_route{"no_route", By::kGateway, Phase::kHead, 404, "No route matches the request."};
  EndReason method_not_allowed{"method_not_allowed", By::kGateway, Phase::kHead, 405,
                               "Routes match the request's path, but none of them allows its method."};
  EndReason loop_detected{
      "loop_detected", By::kGateway, Phase::kHead, 508,
      "The request has passed the same route of this gateway before, as its `Via` field says."};
  EndReason trace_refused{"trace_refused", By::kGateway, Phase::kHead, 405,
                          "The request's method is TRACE, which its route does not list."};
  EndReason bad_rewritten_path{"bad_rewritten_path", By::kGateway, Phase::kHead, 400,
                               "The path that the route's rewriting makes cannot be normalised safely."};
  EndReason protocol_not_supported{
      "protocol_not_supported", By::kGateway, Phase::kHead, 501,
      "A client of HTTP/2 asked for a tunnel that is not a WebSocket, or that its route does not allow."};
  EndReason overloaded{"overloaded", By::kGateway, Phase::kHead, 503,
                       "The gateway is overloaded: memory or file descriptors are nearly used up, or "
                       "requests wait too long. The response has `Retry-After`."};
  EndReason no_upstream{"no_upstream", By::kGateway, Phase::kPolicies, 500,
                        "The route has no upstream, and no policy answered."};
  EndReason answered_by_policy{"answered_by_policy", By::kPolicy, Phase::kPolicies, 0,
                               "A policy answered; the upstream was not asked."};

  // Failures while reading the request's body.
  EndReason body_too_large{
      "body_too_large", By::kGateway, Phase::kBody, 413,
      "The request's body is larger than the listener's `limits.body_size` or a policy allows."};
  EndReason body_timeout{"body_timeout", By::kClient, Phase::kBody, 408,
                         "The request's body did not come in time."};
  EndReason bad_chunk{"bad_chunk", By::kClient, Phase::kBody, 400,
                      "The chunked coding of the request's body cannot be read."};
  EndReason body_incomplete{
      "body_incomplete", By::kClient, Phase::kPolicies, 400,
      "The client left before the whole body had come, which a policy had to read first."};

  // No target can be asked.
  EndReason no_target{"no_target", By::kGateway, Phase::kConnecting, 503,
                      "No address is known for any target of the upstream."};
  EndReason breaker_requests{"breaker_requests", By::kGateway, Phase::kConnecting, 503,
                             "The upstream's circuit breaker is open: too many requests are in progress."};
  EndReason breaker_pending{
      "breaker_pending", By::kGateway, Phase::kConnecting, 503,
      "The upstream's circuit breaker is open: too many requests wait for a connection."};
  EndReason breaker_connections{"breaker_connections", By::kGateway, Phase::kConnecting, 503,
                                "The upstream's circuit breaker is open: no connection became free in time."};
  EndReason connect_refused{"connect_refused", By::kTarget, Phase::kConnecting, 502,
                            "No target could be reached: the last one refused the connection."};
  EndReason connect_timeout{
      "connect_timeout", By::kTarget, Phase::kConnecting, 502,
      "No target could be reached: the last one did not accept the connection within `timeouts.connect`."};
  EndReason connect_unreachable{"connect_unreachable", By::kTarget, Phase::kConnecting, 502,
                                "No target could be reached: no network leads to the last one."};
  EndReason connect_no_socket{"connect_no_socket", By::kTarget, Phase::kConnecting, 502,
                              "No target could be reached: the Unix socket of the last one does not exist."};
  EndReason connect_no_descriptors{"connect_no_descriptors", By::kGateway, Phase::kConnecting, 502,
                                   "No target could be asked: the gateway is out of file descriptors."};
  EndReason connect_failed{"connect_failed", By::kTarget, Phase::kConnecting, 502,
                           "No target could be reached."};
  EndReason connect_tls_unverified{
      "connect_tls_unverified", By::kTarget, Phase::kConnecting, 502,
      "The certificate of the last target could not be verified; the log's `note` says why."};
  EndReason connect_tls_failed{"connect_tls_failed", By::kTarget, Phase::kConnecting, 502,
                               "The TLS handshake with the last target failed."};
  EndReason connect_tls_timeout{
      "connect_tls_timeout", By::kTarget, Phase::kConnecting, 502,
      "The TLS handshake with the last target took longer than `timeouts.connect`."};
  EndReason connect_no_http2{"connect_no_http2", By::kTarget, Phase::kConnecting, 502,
                             "The last target did not choose HTTP/2, which its upstream requires."};

  // A target gives no response that can be forwarded.
  EndReason response_timeout{"response_timeout", By::kTarget, Phase::kWaiting, 504,
                             "The target was silent for longer than `timeouts.response`."};
  EndReason total_timeout{
      "total_timeout", By::kTarget, Phase::kWaiting, 504,
      "All tries together took longer than `timeouts.total`, or than the call's `grpc-timeout`."};
  EndReason upstream_closed_early{"upstream_closed_early", By::kTarget, Phase::kWaiting, 502,
                                  "The target closed the connection before it had answered."};
  EndReason upstream_reset{"upstream_reset", By::kTarget, Phase::kWaiting, 502,
                           "The target reset the connection before it had answered."};
  EndReason upstream_send_timeout{"upstream_send_timeout", By::kTarget, Phase::kWaiting, 502,
                                  "The target did not read the request in time."};
  EndReason upstream_refused{
      "upstream_refused", By::kTarget, Phase::kWaiting, 502,
      "A target that speaks HTTP/2 refused the request again and again without looking at it."};
  EndReason upstream_unasked_upgrade{"upstream_unasked_upgrade", By::kTarget, Phase::kWaiting, 502,
                                     "The target switched to a protocol that it was not asked for."};
  EndReason upstream_failed{"upstream_failed", By::kTarget, Phase::kWaiting, 502,
                            "No target gave a response that can be passed on. A request that waited for the "
                            "response to another request, which a policy shares with it, can end with this "
                            "reason too; the log line of the other request has the cause."};
  EndReason upstream_malformed{
      "upstream_malformed", By::kTarget, Phase::kWaiting, 502,
      "The target's response is not valid HTTP, or a policy that converts it cannot read it."};
  EndReason upstream_unknown_status{"upstream_unknown_status", By::kTarget, Phase::kWaiting, 502,
                                    "The target's response has a status that HTTP does not have (600 to "
                                    "999); `lenient_responses` lets it pass."};
  EndReason upstream_repeated_chunked{
      "upstream_repeated_chunked", By::kTarget, Phase::kWaiting, 502,
      "The target's response says `Transfer-Encoding: chunked` twice; `lenient_responses` lets it pass."};
  EndReason upstream_bare_lf{
      "upstream_bare_lf", By::kTarget, Phase::kWaiting, 502,
      "The target ended a line of its response's head with LF alone; `lenient_responses` lets it pass."};
  EndReason upstream_too_many_fields{
      "upstream_too_many_fields", By::kTarget, Phase::kWaiting, 502,
      "The target's response has more fields than the upstream's `limits.field_count`."};
  EndReason upstream_head_too_large{
      "upstream_head_too_large", By::kTarget, Phase::kWaiting, 502,
      "The head of the target's response is larger than the upstream's `limits.head_size`."};
  EndReason response_too_large{"response_too_large", By::kPolicy, Phase::kWaiting, 502,
                               "The target's response is larger than a policy that reads the whole of it "
                               "allows, or what the policy makes of it is much larger than that."};

  // A response that breaks off. The client gets 502 if nothing has been sent yet; otherwise a reset.
  EndReason upstream_closed{"upstream_closed", By::kTarget, Phase::kBody, 502,
                            "The target closed the connection within its response's body. The client saw a "
                            "reset, or 502 when nothing had been sent."};
  EndReason upstream_timeout{"upstream_timeout", By::kTarget, Phase::kBody, 0,
                             "The target fell silent within its response's body; the client saw a reset."};
  EndReason upstream_bad_chunk_size{
      "upstream_bad_chunk_size", By::kTarget, Phase::kBody, 502,
      "The size of a chunk in the response's body cannot be read; `lenient_responses` lets a blank behind it "
      "pass. The client saw a reset, or 502 when nothing had been sent."};
  EndReason upstream_bad_chunk_end{"upstream_bad_chunk_end", By::kTarget, Phase::kBody, 502,
                                   "A chunk in the response's body does not end where its size says. The "
                                   "client saw a reset, or 502 when nothing had been sent."};
  EndReason upstream_trailers_too_large{
      "upstream_trailers_too_large", By::kTarget, Phase::kBody, 502,
      "The trailers behind the response's body are larger than the upstream's `limits.head_size`. The client "
      "saw a reset, or 502 when nothing had been sent."};

  // The end of a tunnel, such as a WebSocket.
  EndReason tunnel_closed{"tunnel_closed", By::kPeers, Phase::kTunnel, 0,
                          "The client or the target closed the tunnel (WebSocket)."};
  EndReason tunnel_idle{"tunnel_idle", By::kGateway, Phase::kTunnel, 0,
                        "The tunnel was silent in both directions for longer than `timeouts.tunnel`, or one "
                        "side did not read for so long."};
  EndReason tunnel_drained{"tunnel_drained", By::kGateway, Phase::kTunnel, 0,
                           "The gateway closed the tunnel at both ends (close code 1001), because the "
                           "gateway or its listener ended."};
};

inline constexpr Ends kEnds{};

}  // namespace portcullis::telemetry

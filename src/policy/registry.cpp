#include "policy/registry.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

#include "policy/acl/acl.h"
#include "policy/any_of/any_of.h"
#include "policy/basic_auth/basic_auth.h"
#include "policy/cache/cache.h"
#include "policy/compress/compress.h"
#include "policy/concurrency_limit/concurrency_limit.h"
#include "policy/cors/cors.h"
#include "policy/fault/fault.h"
#include "policy/forward_auth/forward_auth.h"
#include "policy/grpc_transcoding/grpc_transcoding.h"
#include "policy/grpc_web/grpc_web.h"
#include "policy/headers/headers.h"
#include "policy/hmac_auth/hmac_auth.h"
#include "policy/ip_filter/ip_filter.h"
#include "policy/jwt/jwt.h"
#include "policy/key_auth/key_auth.h"
#include "policy/mirror/mirror.h"
#include "policy/mtls/mtls.h"
#include "policy/oauth2_introspection/oauth2_introspection.h"
#include "policy/quota/quota.h"
#include "policy/rate_limit/rate_limit.h"
#include "policy/redirect/redirect.h"
#include "policy/request_limits/request_limits.h"
#include "policy/respond/respond.h"
#include "policy/usage_plan/usage_plan.h"

namespace portcullis::policy {
namespace {

std::vector<Kind>& added_kinds() {
  static std::vector<Kind> all;
  return all;
}

// The kinds with a trait, for policies that contain other policies.
std::vector<Kind> with(const std::vector<Kind>& kinds, bool config::PolicyTraits::*trait) {
  std::vector<Kind> out;
  std::copy_if(kinds.begin(), kinds.end(), std::back_inserter(out),
               [trait](const Kind& kind) { return kind.description.traits.*trait; });
  return out;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = [] {
    std::vector<Kind> out{
        acl::kind(),
        basic_auth::kind(),
        cache::kind(),
        compress::kind(),
        concurrency_limit::kind(),
        cors::kind(),
        fault::kind(),
        forward_auth::kind(),
        grpc_transcoding::kind(),
        grpc_web::kind(),
        headers::kind(),
        hmac_auth::kind(),
        ip_filter::kind(),
        jwt::kind(),
        key_auth::kind(),
        mirror::kind(),
        mtls::kind(),
        oauth2_introspection::kind(),
        quota::kind(),
        rate_limit::kind(),
        redirect::kind(),
        request_limits::kind(),
        respond::kind(),
    };
    out.insert(out.end(), added_kinds().begin(), added_kinds().end());
    Kind any = any_of::kind(with(out, &config::PolicyTraits::authenticates));
    Kind plan = usage_plan::kind(with(out, &config::PolicyTraits::limits_consumers));
    out.push_back(std::move(any));
    out.push_back(std::move(plan));
    std::sort(out.begin(), out.end(),
              [](const Kind& a, const Kind& b) { return a.description.name < b.description.name; });
    return out;
  }();
  return all;
}

}  // namespace

void add_kind(Kind kind) {
  added_kinds().push_back(std::move(kind));
}

const config::PolicyCatalog& catalog() {
  static const config::PolicyCatalog all = [] {
    config::PolicyCatalog out;
    for (const Kind& kind : kinds()) out.push_back(kind.description);
    return out;
  }();
  return all;
}

void check(const config::PolicyUse& use, const config::Config& config, config::Diagnostics& diagnostics) {
  const Kind* kind = find_kind(kinds(), use.name);
  if (kind != nullptr && kind->check) kind->check(use, config, diagnostics);
}

void warn(const config::PolicyUse& use, config::Diagnostics& diagnostics) {
  const Kind* kind = find_kind(kinds(), use.name);
  if (kind == nullptr) return;
  for (const Warning& warning : kind->warnings) {
    if (std::string message = warning.find(use); !message.empty())
      diagnostics.warning(use.location, std::move(message), warning.name);
  }
}

Insight insight_of(const config::PolicyUse& use) {
  const Kind* kind = find_kind(kinds(), use.name);
  return kind != nullptr && kind->insight ? kind->insight(use) : Insight{};
}

const std::vector<ReasonTable>& reason_tables() {
  static const std::vector<ReasonTable> all = [] {
    std::vector<ReasonTable> out{{"", telemetry::reasons_in(kEnds)}};
    for (const Kind& kind : kinds()) {
      if (!kind.reasons.empty()) out.push_back({kind.description.name, kind.reasons});
    }
    return out;
  }();
  return all;
}

void declare_metrics(telemetry::MetricSet& metrics) {
  for (const Kind& kind : kinds()) {
    if (kind.declare_metrics) kind.declare_metrics(metrics);
  }
}

void add_figures(const telemetry::LiveView& view, nlohmann::json& told) {
  for (const Kind& kind : kinds()) {
    for (const Figures& one : kind.figures) {
      if (!told.contains(one.member)) told[one.member] = one.tell(view);
    }
  }
}

telemetry::MetricShare shown_share() {
  for (const Kind& kind : kinds()) {
    for (const Figures& one : kind.figures) {
      if (!one.share.metric.empty()) return one.share;
    }
  }
  return {};
}

std::vector<const OperatorAction*> operator_actions() {
  std::vector<const OperatorAction*> out;
  for (const Kind& kind : kinds()) {
    for (const OperatorAction& one : kind.actions) out.push_back(&one);
  }
  return out;
}

Status start_engines(const config::Config& config, Services& services) {
  for (const Kind& kind : kinds()) {
    for (const EngineStart& start : kind.engines) {
      if (Status started = start(config, services); !started) return started;
    }
  }
  return {};
}

PolicyPointer build(const config::PolicyUse& use, const BuildContext& context) {
  const Kind* kind = find_kind(kinds(), use.name);
  return kind == nullptr ? nullptr : kind->create(use.settings, context);
}

}  // namespace portcullis::policy

#pragma once

#include "config/policy_type.h"
#include "policy/policy.h"

namespace portcullis::policy {

// Adds a kind that is not in the list of registry.cpp, such as a policy of a test. Must be called before any
// other function here is used.
void add_kind(Kind kind);

// All kinds of policies, for the loader of configurations. Built once; may be used on any thread.
const config::PolicyCatalog& catalog();

// Reports errors in a loaded policy that depend on the rest of the configuration.
void check(const config::PolicyUse& use, const config::Config& config, config::Diagnostics& diagnostics);

// Reports settings of the policy that are valid but probably a mistake.
void warn(const config::PolicyUse& use, config::Diagnostics& diagnostics);

// The properties of a policy for checks over several policies. check() must have passed.
Insight insight_of(const config::PolicyUse& use);

// The reasons for which requests end. The first table has the gateway's own reasons (`policy` is empty); one
// table follows for each policy that has reasons.
struct ReasonTable {
  std::string policy;
  telemetry::EndReasons reasons;
};
const std::vector<ReasonTable>& reason_tables();

// Declares the metrics of all kinds of policies.
void declare_metrics(telemetry::MetricSet& metrics);

// Adds the figures of all kinds of policies to the live document of the admin API.
void add_figures(const telemetry::LiveView& view, nlohmann::json& told);
// The share of which the live view keeps a history; empty when no kind has one.
telemetry::MetricShare shown_share();

// The actions of operators of all kinds of policies. Valid until the end of the process.
std::vector<const OperatorAction*> operator_actions();

// Starts the engines of all kinds of policies that start with the process. Called once, before the first
// build(). Throws what the constructor of an engine throws.
Status start_engines(const config::Config& config, Services& services);

// Builds a policy from its loaded settings. check() must have passed.
PolicyPointer build(const config::PolicyUse& use, const BuildContext& context);

}  // namespace portcullis::policy

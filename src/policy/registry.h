#pragma once

#include "config/policy_type.h"
#include "policy/policy.h"

namespace portcullis::policy {

// Adds a kind that is not in the list of registry.cpp, as the policies of tests are. Before the first use of
// any other function here.
void add_kind(Kind kind);

// Every policy there is, for the configuration's loader. Built once; any thread.
const config::PolicyCatalog& catalog();

// Reports what is wrong with a loaded policy beside the rest of the configuration.
void check(const config::PolicyUse& use, const config::Config& config, config::Diagnostics& diagnostics);

// Reports what of its settings is valid and probably a mistake.
void warn(const config::PolicyUse& use, config::Diagnostics& diagnostics);

// What checks over several policies need to know of one that check() has passed.
Insight insight_of(const config::PolicyUse& use);

// The reasons for which requests end: the gateway's own (`policy` is empty), then those of each policy that
// has some, by its name.
struct ReasonTable {
  std::string policy;
  telemetry::EndReasons reasons;
};
const std::vector<ReasonTable>& reason_tables();

// Declares the metrics of every policy there is.
void declare_metrics(telemetry::MetricSet& metrics);

// Builds a policy from what the loader made of its entry, which check() has passed.
PolicyPointer build(const config::PolicyUse& use, const BuildContext& context);

}  // namespace portcullis::policy

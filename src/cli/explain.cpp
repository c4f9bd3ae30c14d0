#include "cli/explain.h"

#include <nlohmann/json.hpp>

#include <cstdio>

#include "control/gateway.h"
#include "control/snapshot.h"

namespace portcullis::cli {
namespace {

// ": what it decides", for people.
std::string outcome_of(const nlohmann::json& policy) {
  const std::string outcome = policy["outcome"];
  if (outcome == "continues") return "";
  if (outcome == "not_reached") return ": not reached";
  std::string out = ": " + outcome;
  if (policy.contains("status")) out += " with " + std::to_string(policy["status"].get<int>());
  if (policy.contains("reason")) out += " (" + policy["reason"].get<std::string>() + ")";
  return out;
}

void print_text(const nlohmann::json& told) {
  const auto line = [](const std::string& text) { std::printf("%s\n", text.c_str()); };
  const auto known = [&](const char* key) { return !told[key].get_ref<const std::string&>().empty(); };
  line(told["method"].get<std::string>() + " " + told["path"].get<std::string>() +
       (known("host") ? " at " + told["host"].get<std::string>() : ""));
  if (told["outcome"] != "matched") {
    line("  answered by the gateway: " +
         std::string(told["outcome"] == "no_route" ? "404, no route" : "405"));
    if (told.contains("allow")) line("  Allow: " + told["allow"].get<std::string>());
  } else {
    line("  route: " + told["route"].get<std::string>());
    for (const auto& policy : told["policies"]) {
      line("  policy: " + policy["name"].get<std::string>() + " (" + policy["place"].get<std::string>() +
           ")" + outcome_of(policy));
      for (const auto& note : policy["notes"]) line("    " + note.get<std::string>());
    }
    for (const auto& branch : told["branches"]) {
      char share[16];
      std::snprintf(share, sizeof share, "%.3g%%", branch["share"].get<double>() * 100);
      line("  branch: " + branch["name"].get<std::string>() + ", " + share + " to " +
           branch["upstream"].get<std::string>() +
           (branch["chosen"] ? ": chosen, " + branch["why"].get<std::string>() : ""));
    }
    line("  upstream: " + (known("upstream")          ? told["upstream"].get<std::string>()
                           : told["branches"].empty() ? "none, a policy answers"
                                                      : "one of these, by weight"));
    if (told["target_path"] != told["path"] && known("upstream"))
      line("    path: " + told["target_path"].get<std::string>());
    for (const auto& target : told["targets"]) line("    target: " + target.get<std::string>());
  }
  for (const auto& other : told["others"]) {
    line("  not " + other["route"].get<std::string>() + ": " + other["reason"].get<std::string>());
  }
}

}  // namespace

int explain(const std::string& config_path, const control::Question& question, OutputFormat format) {
  config::Diagnostics diagnostics;
  const auto config = control::load_config(config_path, diagnostics);
  control::print_diagnostics(diagnostics);
  if (!config) return 2;
  const auto say = [](const std::string& said) { std::fprintf(stderr, "portcullis: %s\n", said.c_str()); };
  const auto told = control::explain(*config, question, say);
  if (!told) {
    say(told.error().message);
    return 2;
  }
  if (format == OutputFormat::kJson) {
    std::printf("%s\n", told->dump(2).c_str());
  } else {
    print_text(*told);
  }
  return (*told)["outcome"] == "matched" ? 0 : 1;
}

}  // namespace portcullis::cli

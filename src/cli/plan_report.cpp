#include "cli/plan_report.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <utility>

#include "base/json_text.h"
#include "cli/applied_files.h"
#include "cli/plain_text.h"

namespace portcullis::cli {
namespace {

using nlohmann::json;

std::string text_in(const json& object, const char* name) {
  const bool has = object.is_object() && object.contains(name) && object[name].is_string();
  return has ? without_control_characters(object[name].get<std::string>()) : std::string();
}

const json& list_in(const json& object, const char* name) {
  static const json kNone = json::array();
  const bool has = object.is_object() && object.contains(name) && object[name].is_array();
  return has ? object[name] : kNone;
}

// A value on one line.
std::string shown_value(const json& object, const char* name) {
  return object.contains(name) ? json_text(object[name]) : "none";
}

void print_difference(const json& one) {
  const std::string change = text_in(one, "change");
  const std::string name = text_in(one, "name");
  std::printf("%c %s%s%s\n",
              change == "added"     ? '+'
              : change == "removed" ? '-'
                                    : '~',
              text_in(one, "kind").c_str(), name.empty() ? "" : "/", name.c_str());
  if (change != "changed") return;
  for (const json& its : list_in(one, "changes")) {
    if (!its.is_object()) continue;
    const std::string before = shown_value(its, "before"), after = shown_value(its, "after");
    std::printf("    %s: %s\n", text_in(its, "pointer").c_str(),
                before == after ? "another secret" : (before + " -> " + after).c_str());
  }
}

void print_side(const json& side) {
  const std::string route = text_in(side, "route");
  std::printf("%s%s%s", text_in(side, "outcome").c_str(), route.empty() ? "" : " by route ", route.c_str());
  if (side.is_object() && side.contains("status") && side["status"].is_number_unsigned())
    std::printf(" with %s", json_text(side["status"]).c_str());
}

// What the rehearsal on recorded requests has found.
void print_rehearsal(const json& told) {
  if (!told.is_object() || told.value("replayed", json(0)) == json(0)) return;
  std::printf("rehearsal: %s recorded requests, %s as before\n", json_text(told["replayed"]).c_str(),
              json_text(told.value("unchanged", json(0))).c_str());
  for (const json& group : list_in(told, "groups")) {
    std::printf("  %s: ", json_text(group.value("count", json(0))).c_str());
    print_side(group.value("before", json()));
    std::printf(" -> ");
    print_side(group.value("after", json()));
    const json& examples = list_in(group, "examples");
    if (!examples.empty() && examples.front().is_string())
      std::printf(", such as %s", without_control_characters(examples.front().get<std::string>()).c_str());
    std::printf("\n");
  }
}

}  // namespace

std::optional<PlanOutcome> print_plan(const std::string& command, Server& server, const AppliedFiles& files,
                                      const PlanChoice& choice, OutputFormat format, int& exit_code) {
  Failure failure;
  const json body = choice.prune ? files.document() : json{{"changes", files.changes()}};
  const auto answer = server.ask({.method = "POST", .path = "/v1/plan", .body = json_text(body)}, failure);
  if (!answer) {
    exit_code = fail(command, failure, format);
    return std::nullopt;
  }
  if (!answer->good() || !answer->document.is_object()) {
    exit_code = print_refusal(command, *answer, format, &files);
    return std::nullopt;
  }
  PlanOutcome out;
  json told = answer->document;
  told["diagnostics"] = tell_diagnostics(list_in(told, "diagnostics"), format, &files, out.errors);
  const json objects = list_in(told.value("diff", json()), "objects");
  out.differences = objects.size();
  if (format == OutputFormat::kJson) {
    print_json(told);
    return out;
  }
  for (const json& one : objects) print_difference(one);
  print_rehearsal(told.value("rehearsal", json()));
  if (out.differences == 0 && out.errors == 0)
    std::printf("nothing to do: revision %s is in force\n", std::to_string(answer->revision).c_str());
  return out;
}

}  // namespace portcullis::cli

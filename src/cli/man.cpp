#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/config_choice.h"
#include "cli/help.h"
#include "cli/roff.h"
#include "config/reference.h"
#include "policy/registry.h"

namespace portcullis::cli {
namespace {

void describe(RoffPage& page, const Command& command) {
  page.subheading(usage_line(command));
  page.paragraph(command.summary + ".");
  page.paragraph(command.description);
  for (const Operand& one : command.operands) page.term(one.name, "", one.summary + ".");
  for (const Option& one : command.options) {
    const OptionNames names = names_of(one);
    page.term((names.brief.empty() ? "" : names.brief + ", ") + names.full, one.value, one.summary + ".");
  }
  std::string exits = "Exit codes:";
  for (const Exit& one : command.exits)
    exits += (exits.ends_with(':') ? " " : "; ") + std::to_string(one.code) + ", " + one.meaning;
  page.paragraph(exits + ".");
}

// The environment variables of all commands, each once.
std::vector<Meaning> all_variables() {
  std::vector<Meaning> out;
  for (const Command& command : commands()) {
    for (const Meaning& one : command.environment) {
      const auto same = [&](const Meaning& known) { return known.name == one.name; };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(one);
    }
  }
  return out;
}

std::string program_page() {
  RoffPage page("portcullis", 1);
  page.name("portcullis", "an API gateway");
  page.heading("SYNOPSIS");
  page.paragraph("`portcullis` `COMMAND` [OPTIONS]");
  page.heading("DESCRIPTION");
  page.paragraph(
      "Portcullis is an API gateway. Its configuration has listeners, routes, upstreams and policies; "
      "portcullis.yaml(5) describes them. A command that takes a configuration finds it by the operand "
      "CONFIG, by `--config`, or by the environment; see below. `portcullis help COMMAND` describes one "
      "command, and `portcullis --version` prints the version.");
  page.heading("COMMANDS");
  for (const Command& command : commands()) describe(page, command);
  page.heading("ENVIRONMENT");
  for (const Meaning& one : all_variables()) page.term(one.name, "", one.meaning + ".");
  page.heading("FILES");
  page.term(ConfigChoice::kDefaultPath, "",
            "The configuration, when neither the command line nor the environment names one.");
  page.heading("EXIT STATUS");
  for (const Exit& one : program_exits()) page.term(std::to_string(one.code), "", one.meaning + ".");
  page.heading("EXAMPLES");
  for (const Command& command : commands()) {
    for (const Example& one : command.examples) {
      page.paragraph(one.meaning + ":");
      page.literal(one.line);
    }
  }
  page.heading("SEE ALSO");
  page.paragraph("portcullis.yaml(5)");
  return std::move(page).text();
}

void describe(RoffPage& page, const config::ReferenceSection& section) {
  page.subheading(section.title.empty() ? "Top level" : "`" + section.title + "`");
  page.paragraph(section.object->summary());
  for (const auto& field : section.object->fields()) {
    const std::string otherwise = config::default_of(*section.object, field);
    page.term(field.name, field.type->describe(),
              (otherwise.empty() ? ""
               : field.required  ? "Required. "
                                 : "Default: " + otherwise + ". ") +
                  field.summary);
  }
}

std::string configuration_page() {
  const config::Reference reference = config::make_reference(policy::catalog());
  RoffPage page("portcullis.yaml", 5);
  page.name("portcullis.yaml", "the configuration of the API gateway portcullis");
  page.heading("DESCRIPTION");
  page.paragraph(reference.introduction);
  page.paragraph(
      "The configuration can also be a folder: its files *.yaml, *.yml and *.json are read in the order of "
      "their names and joined. `portcullis check` finds mistakes in a configuration.");
  page.heading("KEYS");
  for (const auto& section : reference.sections) describe(page, section);
  page.heading("POLICIES");
  page.paragraph(reference.about_policies);
  for (const auto& section : reference.policies) describe(page, section);
  page.heading("SEE ALSO");
  page.paragraph("portcullis(1)");
  return std::move(page).text();
}

struct ManSettings {
  std::string page = "portcullis";
};

int print_page(const ManSettings& settings) {
  std::fputs((settings.page == "portcullis" ? program_page() : configuration_page()).c_str(), stdout);
  return kGood;
}

}  // namespace

Command man_command() {
  auto settings = std::make_shared<ManSettings>();
  return {
      .name = "man",
      .summary = "Print a manual page, as roff",
      .description = "The package installs these pages.",
      .operands = {{.name = "PAGE",
                    .summary =
                        "portcullis (this program, the default) or portcullis.yaml (its configuration)",
                    .target = &settings->page,
                    .choices = {"portcullis", "portcullis.yaml"}}},
      .exits = {{kGood, "the page was printed"}},
      .examples = {{"portcullis man | man -l -", "Read the page of this program"},
                   {"portcullis man portcullis.yaml > portcullis.yaml.5", "The page of the configuration"}},
      .run = [settings] { return print_page(*settings); }};
}

}  // namespace portcullis::cli

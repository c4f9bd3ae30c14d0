#include "cli/help.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/plain_text.h"

namespace portcullis::cli {
namespace {

constexpr size_t kWidth = 100;

// Appends `text`, wrapped to lines of kWidth, each indented by `indent` spaces.
void append_wrapped(std::string& out, const std::string& text, size_t indent) {
  size_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = text.substr(at, end - at);
    if (column != 0 && column + 1 + word.size() > kWidth) {
      out += "\n";
      column = 0;
    }
    if (column == 0) {
      out.append(indent, ' ');
      column = indent;
    } else {
      out += " ";
      ++column;
    }
    out += word;
    column += word.size();
    at = end;
    if (text.compare(at, 2, "\n\n") == 0) {
      out += "\n\n";
      column = 0;
    }
    at = std::min(text.find_first_not_of(" \n", at), text.size());
  }
  out += "\n";
}

// Appends a term with its meaning next to it.
void append_term(std::string& out, const std::string& term, const std::string& meaning, size_t width) {
  std::string described;
  append_wrapped(described, meaning, width + 4);
  if (term.size() <= width) {
    described.replace(0, width + 4, "  " + term + std::string(width - term.size() + 2, ' '));
  } else {
    described.insert(0, "  " + term + "\n");
  }
  out += described;
}

void append_terms(std::string& out, const std::string& title, const std::vector<Meaning>& terms) {
  if (terms.empty()) return;
  size_t width = 0;
  for (const Meaning& one : terms) width = std::max(width, std::min<size_t>(one.name.size(), 28));
  out += "\n" + title + ":\n";
  for (const Meaning& one : terms) append_term(out, one.name, one.meaning, width);
}

std::string term_of(const Option& option) {
  const OptionNames names = names_of(option);
  const std::string text = (names.brief.empty() ? "    " : names.brief + ", ") + names.full;
  return option.value.empty() ? text : text + " " + option.value;
}

nlohmann::json to_json(const Command& command) {
  nlohmann::json out{{"name", command.name}, {"summary", command.summary}, {"usage", usage_line(command)}};
  for (const char* list : {"operands", "options", "environment", "exit_codes", "examples"})
    out[list] = nlohmann::json::array();
  for (const Operand& one : command.operands)
    out["operands"].push_back({{"name", one.name}, {"summary", one.summary}});
  for (const Option& one : command.options)
    out["options"].push_back({{"names", one.names}, {"value", one.value}, {"summary", one.summary}});
  for (const Meaning& one : command.environment)
    out["environment"].push_back({{"name", one.name}, {"summary", one.meaning}});
  for (const Exit& one : all_exits(command))
    out["exit_codes"].push_back({{"code", one.code}, {"summary", one.meaning}});
  for (const Example& one : command.examples)
    out["examples"].push_back({{"line", one.line}, {"summary", one.meaning}});
  return out;
}

struct HelpSettings {
  std::string command;
  bool json = false;
};

int print_help(const HelpSettings& settings) {
  const Command* command = settings.command.empty() ? nullptr : find_command(settings.command);
  if (!settings.command.empty() && command == nullptr)
    return usage_error("help", refuse_unknown_command(settings.command));
  if (!settings.json) {
    std::fputs((command != nullptr ? help_of(*command) : help_of_program()).c_str(), stdout);
    return kGood;
  }
  nlohmann::json all = nlohmann::json::array();
  for (const Command& one : commands()) all.push_back(to_json(one));
  print_json(command != nullptr ? to_json(*command) : nlohmann::json{{"commands", all}});
  return kGood;
}

}  // namespace

std::vector<Exit> program_exits() {
  return {
      {kGood, "good"},
      {kWrong,
       "the configuration has errors, or lacks what the command needs, such as an admin listener; or a store "
       "is damaged"},
      {kDifferent, "diff, and plan --exit-code: there are differences"},
      {kCouldNot,
       "the command could not be carried out: a gateway cannot be reached, an address cannot be bound, "
       "or a file cannot be read"},
      {kRefused, "explain: the request would be refused"},
      {kNoRoute, "explain: no route would match the request"},
      {kUsage, "the command line is wrong"}};
}

std::vector<Exit> all_exits(const Command& command) {
  std::vector<Exit> out = command.exits;
  out.push_back({kUsage, "the command line is wrong"});
  return out;
}

std::string usage_line(const Command& command) {
  std::string out = "portcullis " + command.name;
  for (const Operand& one : command.operands) out += one.required ? " " + one.name : " [" + one.name + "]";
  for (const Option& one : command.options) {
    if (one.required) out += " " + names_of(one).full + " " + one.value;
  }
  return out + " [OPTIONS]";
}

std::string help_of(const Command& command) {
  std::string out = command.summary + ".\n\nUsage: " + usage_line(command) + "\n";
  if (!command.description.empty()) {
    out += "\n";
    append_wrapped(out, command.description, 0);
  }
  std::vector<Meaning> terms;
  for (const Operand& one : command.operands) terms.push_back({one.name, one.summary + "."});
  append_terms(out, "Operands", terms);
  terms.clear();
  for (const Option& one : command.options) terms.push_back({term_of(one), one.summary + "."});
  terms.push_back({"-h, --help", "Print this help."});
  append_terms(out, "Options", terms);
  append_terms(out, "Environment", command.environment);
  terms.clear();
  for (const Exit& one : all_exits(command)) terms.push_back({std::to_string(one.code), one.meaning});
  append_terms(out, "Exit codes", terms);
  if (!command.examples.empty()) out += "\nExamples:\n";
  for (const Example& one : command.examples) {
    append_wrapped(out, one.meaning + ":", 2);
    out += "    " + one.line + "\n";
  }
  return out;
}

std::string help_of_program() {
  std::string out = "Portcullis, an API gateway.\n\nUsage: portcullis COMMAND [OPTIONS]\n";
  std::vector<Meaning> terms;
  for (const Command& command : commands()) terms.push_back({command.name, command.summary});
  append_terms(out, "Commands", terms);
  terms.clear();
  for (const Exit& one : program_exits()) terms.push_back({std::to_string(one.code), one.meaning});
  append_terms(out, "Exit codes", terms);
  return out + "\n`portcullis help COMMAND` describes one command, with examples.\n";
}

std::string refuse_unknown_command(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Command& command : commands()) known.push_back(command.name);
  if (!name.starts_with('-')) return "unknown command " + in_backticks(name) + suggestion_for(name, known);
  return "unknown option " + in_backticks(name) + suggestion_for(name, {"--help", "--version"}) +
         " (a command's options follow its name)";
}

Command help_command() {
  auto settings = std::make_shared<HelpSettings>();
  return {.name = "help",
          .summary = "Print the commands, or describe one of them",
          .description = "`portcullis COMMAND --help` prints the same as `portcullis help COMMAND`.",
          .operands = {{.name = "COMMAND",
                        .summary = "The command to describe",
                        .target = &settings->command,
                        .words = Words::kCommand}},
          .options = {json_option(settings->json)},
          .exits = {{kGood, "the help was printed"}},
          .examples = {{"portcullis help", "All commands"},
                       {"portcullis help explain", "One command, with its examples"},
                       {"portcullis help --json", "The descriptions of all commands, for programs"}},
          .run = [settings] { return print_help(*settings); }};
}

}  // namespace portcullis::cli

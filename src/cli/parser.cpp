#include "cli/parser.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/plain_text.h"

// The only file that includes CLI11, which takes a compiler ten seconds: commands are described by the types
// of cli/command.h instead.
namespace portcullis::cli {
namespace {

void declare_options(CLI::App& app, const Command& command) {
  for (const Option& option : command.options) {
    if (auto* const* flag = std::get_if<bool*>(&option.target)) {
      app.add_flag(option.names, **flag);
    } else if (auto* const* text = std::get_if<std::string*>(&option.target)) {
      app.add_option(option.names, **text)->type_name(option.value);
    } else if (auto* const* optional = std::get_if<std::optional<std::string>*>(&option.target)) {
      app.add_option_function<std::string>(
             option.names, [target = *optional](const std::string& given) { *target = given; })
          ->type_name(option.value)
          ->expected(0, 1);
    } else {
      app.add_option(option.names, *std::get<std::vector<std::string>*>(option.target))
          ->type_name(option.value)
          ->allow_extra_args(false);
    }
  }
}

// The error message for an unknown option.
std::string refuse_option(const Command& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known{"--help"};
  for (const Option& option : command.options) known.push_back(names_of(option).full);
  return "unknown option " + in_backticks(name) + suggestion_for(name, {known.begin(), known.end()});
}

// The error message when `given` is not one of the choices; "" when it is, or when any value is permitted.
std::string refuse_value(const std::string& name, const std::vector<std::string>& choices,
                         const std::string& given) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), given) != choices.end()) return "";
  return "`" + name + "` is one of " + join(choices) + ", not " + in_backticks(given) +
         suggestion_for(given, {choices.begin(), choices.end()});
}

// The error message when an option with an optional value has an empty one, for example from an unset shell
// variable; otherwise "". CLI11 does not distinguish an empty value from a missing one.
std::string refuse_empty_value(const Command& command, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    for (const Option& option : command.options) {
      const auto [brief, full] = names_of(option);
      if (!std::holds_alternative<std::optional<std::string>*>(option.target)) continue;
      const bool named = words[i] == full || (!brief.empty() && words[i] == brief);
      if (words[i] == full + "=" || (named && i + 1 < words.size() && words[i + 1].empty()))
        return "`" + full + "` has an empty value: give it one, or write `" + full + "` alone";
    }
  }
  return "";
}

// The error message for the options; "" when they are valid.
std::string refuse_options(const CLI::App& app, const Command& command) {
  for (const std::string& word : app.remaining()) {
    // `--` ends the options; CLI11 returns it among the words.
    if (word != "--") return refuse_option(command, word);
  }
  for (const Option& option : command.options) {
    const std::string name = names_of(option).full;
    const bool given = app.count(name) > 0;
    if (option.required && !given) return "`" + name + "` is missing";
    const auto* text = std::get_if<std::string*>(&option.target);
    if (!given || text == nullptr) continue;
    if ((*text)->empty()) return "`" + name + "` has an empty value";
    if (std::string why = refuse_value(name, option.choices, **text); !why.empty()) return why;
  }
  return "";
}

// Assigns the words to the operands. Returns an error message, or "".
std::string assign_operands(const CLI::App& app, const Command& command,
                            const std::vector<std::string>& words) {
  const bool replaced = std::any_of(
      command.options.begin(), command.options.end(),
      [&](const Option& option) { return option.replaces_operands && app.count(names_of(option).full) > 0; });
  const auto required = [&](const Operand& operand) { return operand.required && !replaced; };
  const size_t needed = std::count_if(command.operands.begin(), command.operands.end(), required);
  size_t spare = words.size() > needed ? words.size() - needed : 0;
  auto word = words.begin();
  for (const Operand& operand : command.operands) {
    if (operand.required && replaced) continue;
    if (!operand.required && spare == 0) continue;
    if (word == words.end()) return "`" + operand.name + "` is missing";
    if (!operand.required) --spare;
    // An empty word is probably an unset shell variable; ignoring it would be surprising.
    if (word->empty()) return "`" + operand.name + "` is empty";
    if (std::string why = refuse_value(operand.name, operand.choices, *word); !why.empty()) return why;
    *operand.target = *word++;
  }
  return word == words.end() ? "" : "unexpected " + in_backticks(*word);
}

// The output format that the command's --json option selects. Valid after parsing.
OutputFormat output_format_of(const Command& command) {
  for (const Option& option : command.options) {
    auto* const* flag = std::get_if<bool*>(&option.target);
    if (option.names == "--json" && flag != nullptr) return format_of(**flag);
  }
  return OutputFormat::kText;
}

// Runs the command. When a system limit is too low for it, prints one line and returns an exit code.
int run_within_limits(const Command& command) {
  try {
    return command.run();
  } catch (const std::system_error& problem) {
    return fail(command.name, failure_of(problem), output_format_of(command));
  }
}

int run_parsed(const Command& command, std::vector<std::string> words) {
  if (const std::string why = refuse_empty_value(command, words); !why.empty())
    return usage_error(command.name, why);
  CLI::App app;
  app.allow_extras();
  std::vector<std::string> operands;
  declare_options(app, command);
  app.add_option("operands", operands);
  // CLI11 expects the words in reverse order.
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_of(command).c_str(), stdout);
    return kGood;
  } catch (const CLI::ParseError& error) {
    return usage_error(command.name, error.what());
  }
  std::string why = refuse_options(app, command);
  if (why.empty()) why = assign_operands(app, command, operands);
  return why.empty() ? run_within_limits(command) : usage_error(command.name, why);
}

// True when standard output is a closed terminal, so that output errors do not matter.
bool terminal_is_gone() {
  return ::isatty(STDOUT_FILENO) == 0 && errno == EIO;
}

// Flushes standard output and returns the exit code.
int finish(int exit_code) {
  if ((std::fflush(stdout) == 0 && std::ferror(stdout) == 0) || terminal_is_gone()) return exit_code;
  std::fputs("portcullis: cannot write all to standard output\n", stderr);
  return kCouldNot;
}

}  // namespace

int run_command_line(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(help_of_program().c_str(), stderr);
    return kUsage;
  }
  std::string name = words.front();
  if (name == "-h" || name == "--help") name = "help";
  if (name == "-V" || name == "--version") name = "version";
  if (const Command* command = find_command(name); command != nullptr)
    return finish(run_parsed(*command, {words.begin() + 1, words.end()}));
  return usage_error("", refuse_unknown_command(name));
}

}  // namespace portcullis::cli

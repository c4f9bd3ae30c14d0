#include "cli/parser.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"

// The only file that includes CLI11, which costs a compiler ten seconds: commands describe themselves in the
// types of cli/command.h.
namespace portcullis::cli {
namespace {

std::vector<std::string_view> names_of(const Option& option) {
  std::vector<std::string_view> out;
  const std::string_view names = option.names;
  const size_t comma = names.find(',');
  out.push_back(names.substr(0, comma));
  if (comma != std::string_view::npos) out.push_back(names.substr(comma + 1));
  return out;
}

void declare(CLI::App& app, const Command& command) {
  for (const Option& option : command.options) {
    if (auto* const* flag = std::get_if<bool*>(&option.target)) {
      app.add_flag(option.names, **flag);
    } else if (auto* const* text = std::get_if<std::string*>(&option.target)) {
      app.add_option(option.names, **text)->type_name(option.value);
    } else {
      app.add_option(option.names, *std::get<std::vector<std::string>*>(option.target))
          ->type_name(option.value)
          ->allow_extra_args(false);
    }
  }
  for (const Operand& operand : command.operands) {
    if (auto* const* text = std::get_if<std::string*>(&operand.target)) {
      app.add_option(operand.name, **text);
    } else {
      app.add_option(operand.name, *std::get<std::vector<std::string>*>(operand.target))
          ->expected(0, static_cast<int>(operand.max));
    }
  }
}

// What is wrong with words that no option and no operand takes.
std::string refuse_extras(const Command& command, const std::vector<std::string>& extras) {
  for (const std::string& word : extras) {
    if (!word.starts_with('-') || word == "--") continue;
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string_view> known{"--help"};
    for (const Option& option : command.options) {
      for (const std::string_view one : names_of(option)) {
        if (one.starts_with("--")) known.push_back(one);
      }
    }
    return "unknown option `" + name + "`" + suggestion_for(name, known);
  }
  return "unexpected `" + extras.front() + "`";
}

// "" when `given` is one of the choices, or there are none.
std::string refuse_value(const std::string& name, const std::vector<std::string>& choices,
                         const std::string& given) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), given) != choices.end()) return "";
  return "`" + name + "` takes one of " + join(choices) + "; not `" + given + "`" +
         suggestion_for(given, {choices.begin(), choices.end()});
}

template <typename Described>
std::string refuse(const CLI::App& app, const Described& described, const std::string& name) {
  const bool given = app.count(name) > 0;
  if (described.required && !given) return "`" + name + "` is missing";
  const auto* text = std::get_if<std::string*>(&described.target);
  return given && text != nullptr ? refuse_value(name, described.choices, **text) : "";
}

// What is wrong with the parsed words of `command`; "" when nothing is.
std::string refuse(const CLI::App& app, const Command& command) {
  const std::vector<std::string> extras = app.remaining();
  if (!extras.empty()) return refuse_extras(command, extras);
  for (const Operand& operand : command.operands) {
    if (std::string why = refuse(app, operand, operand.name); !why.empty()) return why;
  }
  for (const Option& option : command.options) {
    if (std::string why = refuse(app, option, std::string(names_of(option).back())); !why.empty()) return why;
  }
  return "";
}

int run_parsed(const Command& command, std::vector<std::string> words) {
  CLI::App app;
  app.allow_extras();
  declare(app, command);
  // CLI11 takes the words from the end.
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_of(command).c_str(), stdout);
    return kGood;
  } catch (const CLI::ParseError& error) {
    return usage_error(command.name, error.what());
  }
  if (const std::string why = refuse(app, command); !why.empty()) return usage_error(command.name, why);
  return command.run();
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
    return run_parsed(*command, {words.begin() + 1, words.end()});
  return usage_error("", refuse_unknown_command(name));
}

}  // namespace portcullis::cli

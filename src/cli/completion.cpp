#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/plain_text.h"

// Generates the shell scripts that complete commands, options, files and choices, from the descriptions of
// the commands.
namespace portcullis::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  return joined(names);
}

// The permitted words, separated by spaces; empty for free text and files.
std::string known_words(Words words, const std::vector<std::string>& choices) {
  return words == Words::kCommand ? command_names() : joined(choices);
}

// `text` with a backslash before each of `special`.
std::string escaped(const std::string& text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// The completion of a word in the bash script: a list of words, or the script's marker for files.
std::string bash_words(Words words, const std::vector<std::string>& choices) {
  return shell_quoted(words == Words::kFile ? "<files>" : known_words(words, choices));
}

std::string bash_command(const Command& command) {
  std::string options = "--help", with_value, values, operands;
  for (const Option& option : command.options) {
    const OptionNames names = names_of(option);
    options += " " + names.full;
    if (!needs_value(option)) continue;
    with_value += " " + names.full + (names.brief.empty() ? "" : " " + names.brief);
    values += "        " + (names.brief.empty() ? "" : names.brief + " | ") + names.full +
              ") value=" + bash_words(option.words, option.choices) + " ;;\n";
  }
  for (const Operand& operand : command.operands)
    operands += (operands.empty() ? "" : " ") + bash_words(operand.words, operand.choices);
  return "    " + command.name + ")\n      options=" + shell_quoted(options) +
         " with_value=" + shell_quoted(with_value + " ") + "\n      operands=(" + operands +
         ")\n      case $previous in\n" + values + "        *) value='<none>' ;;\n" +
         "      esac\n      ;;\n";
}

std::string bash_script() {
  std::string out = R"(# Completes `portcullis` in bash; made by `portcullis completion bash`.
_portcullis_offer() {
  if [[ $1 == '<files>' ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
  fi
}

_portcullis() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local options='' with_value='' value='<none>' place=0 i
  local -a operands=()
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _portcullis_offer ')" +
                    command_names() + R"( --help --version'
    return
  fi
  # `--option=value` comes as three words.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case ${COMP_WORDS[1]} in
)";
  for (const Command& command : commands()) out += bash_command(command);
  return out + R"(  esac
  if [[ $value != '<none>' ]]; then
    _portcullis_offer "$value"
    return
  fi
  if [[ $current == -* ]]; then
    _portcullis_offer "$options"
    return
  fi
  for ((i = 2; i < COMP_CWORD; ++i)); do
    if [[ $with_value == *" ${COMP_WORDS[i]} "* ]]; then
      ((++i))
      [[ ${COMP_WORDS[i]} == '=' ]] && ((++i))
    elif [[ ${COMP_WORDS[i]} != -* ]]; then
      ((++place))
    fi
  done
  ((place < ${#operands[@]})) && _portcullis_offer "${operands[place]}"
}

complete -F _portcullis portcullis
)";
}

// ":NAME:COMPLETION" for zsh's _arguments.
std::string zsh_words(const std::string& name, Words words, const std::vector<std::string>& choices) {
  const std::string known = known_words(words, choices);
  const std::string action = words == Words::kFile ? "_files" : known.empty() ? "" : "(" + known + ")";
  return ":" + escaped(name, ":\\") + ":" + action;
}

std::string zsh_command(const Command& command) {
  std::string out = "    " + command.name + ")\n      _arguments -s -S '(- *)'{-h,--help}'[Print help]'";
  for (const Option& option : command.options) {
    const OptionNames names = names_of(option);
    const bool repeats = std::holds_alternative<std::vector<std::string>*>(option.target);
    const std::string before =
        repeats ? "*" : "(" + (names.brief.empty() ? "" : names.brief + " ") + names.full + ")";
    const std::string after =
        "[" + escaped(option.summary, "[]\\") + "]" +
        (!needs_value(option) ? "" : zsh_words(option.value, option.words, option.choices));
    // A long option also accepts its value after `=`.
    out += " \\\n        " + shell_quoted(before + names.full + (needs_value(option) ? "=" : "") + after);
    if (!names.brief.empty()) out += " \\\n        " + shell_quoted(before + names.brief + after);
  }
  size_t place = 0;
  for (const Operand& operand : command.operands) {
    out += " \\\n        " + shell_quoted(std::to_string(++place) + (operand.required ? "" : ":") +
                                          zsh_words(operand.name, operand.words, operand.choices));
  }
  return out + "\n      ;;\n";
}

std::string zsh_script() {
  std::string out = R"(#compdef portcullis
# Completes `portcullis` in zsh; made by `portcullis completion zsh`.
_portcullis() {
  local curcontext=$curcontext state
  local -a line commands
  commands=(
)";
  for (const Command& command : commands())
    out += "    " + shell_quoted(command.name + ":" + escaped(command.summary, ":\\")) + "\n";
  out += R"(  )
  _arguments -C '(- *)'{-h,--help}'[Print help]' '(- *)'{-V,--version}'[Print the version]' \
    '1:command:->command' '*::argument:->argument'
  if [[ $state == command ]]; then
    _describe command commands
    return
  fi
  [[ $state == argument ]] || return
  case $line[1] in
)";
  for (const Command& command : commands()) out += zsh_command(command);
  return out + R"(  esac
}

if [[ $funcstack[1] == _portcullis ]]; then
  _portcullis "$@"
else
  compdef _portcullis portcullis
fi
)";
}

std::string fish_quoted(const std::string& text) {
  return "'" + escaped(text, "'\\") + "'";
}

// The completion of an option's value in fish: only files, or only the permitted words.
std::string fish_value(const Option& option) {
  if (!needs_value(option)) return "";
  if (option.words == Words::kFile) return " -r -F";
  const std::string known = known_words(option.words, option.choices);
  return " -x" + (known.empty() ? "" : " -a " + fish_quoted(known));
}

std::string fish_command(const Command& command) {
  const std::string start = "complete -c portcullis -n '__portcullis_command " + command.name + "'";
  std::string out = "complete -c portcullis -n __portcullis_no_command -a " + command.name + " -d " +
                    fish_quoted(command.summary) + "\n" + start + " -s h -l help -d 'Print help'\n";
  for (const Option& option : command.options) {
    const OptionNames names = names_of(option);
    out += start + (names.brief.empty() ? "" : " -s " + names.brief.substr(1)) + " -l " +
           names.full.substr(2) + fish_value(option) + " -d " + fish_quoted(option.summary) + "\n";
  }
  for (const Operand& operand : command.operands) {
    const std::string known = known_words(operand.words, operand.choices);
    if (operand.words == Words::kFile) out += start + " -F\n";
    if (!known.empty()) out += start + " -a " + fish_quoted(known) + "\n";
  }
  return out;
}

std::string fish_script() {
  std::string out = R"(# Completes `portcullis` in fish; made by `portcullis completion fish`.
function __portcullis_no_command
    test (count (commandline -opc)) -eq 1
end

function __portcullis_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

complete -c portcullis -f
complete -c portcullis -n __portcullis_no_command -s h -l help -d 'Print help'
complete -c portcullis -n __portcullis_no_command -s V -l version -d 'Print the version'
)";
  for (const Command& command : commands()) out += fish_command(command);
  return out;
}

struct CompletionSettings {
  std::string shell;
};

int print_completion(const CompletionSettings& settings) {
  const std::string script = settings.shell == "bash"  ? bash_script()
                             : settings.shell == "zsh" ? zsh_script()
                                                       : fish_script();
  std::fputs(script.c_str(), stdout);
  return kGood;
}

}  // namespace

Command completion_command() {
  auto settings = std::make_shared<CompletionSettings>();
  return {.name = "completion",
          .summary = "Print a script with which a shell completes commands, options and values",
          .description =
              "Commands, options, files and choices are completed. The package installs these scripts.",
          .operands = {{.name = "SHELL",
                        .summary = "bash, zsh or fish",
                        .target = &settings->shell,
                        .choices = {"bash", "zsh", "fish"},
                        .required = true}},
          .exits = {{kGood, "the script was printed"}},
          .examples = {{"source <(portcullis completion bash)", "For this shell; in ~/.bashrc it is for all"},
                       {"portcullis completion zsh > _portcullis", "For zsh: into a folder of its $fpath"},
                       {"portcullis completion fish > portcullis.fish",
                        "For fish: into ~/.config/fish/completions"}},
          .run = [settings] { return print_completion(*settings); }};
}

}  // namespace portcullis::cli

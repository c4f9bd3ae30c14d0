#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace portcullis::cli {

// The exit codes. They are the same in all commands; docs/command-line.md has the table.
enum ExitCode : int {
  kGood = 0,
  kWrong = 1,      // the configuration is wrong, or lacks what the command needs; or a store is damaged
  kDifferent = 2,  // diff, plan --exit-code: there are differences
  kCouldNot = 3,   // the work could not be done: a gateway cannot be reached, an address bound, a file read
  kRefused = 10,   // explain: the gateway would refuse the request
  kNoRoute = 11,   // explain: no route would take it
  kUsage = 64,     // the command line is wrong
};

// The kind of word that an option or an operand expects, for completion in a shell.
enum class Words { kText, kFile, kCommand };

// Where the parser stores an option's value. The pointed-to variable must live as long as the command.
using Target = std::variant<bool*, std::string*, std::optional<std::string>*, std::vector<std::string>*>;

// An option. It is a flag when its target is a bool; otherwise it takes a value. An option whose target is a
// vector may be repeated. An option whose target is optional may omit its value; the target is then an empty
// text.
struct Option {
  std::string names;  // "--json", or "-c,--config"
  std::string
      value{};  // the placeholder in the help: "ADDRESS"; empty for a flag; "[SIZE]" for an optional value
  std::string summary;  // without a full stop
  Target target;
  Words words = Words::kText;
  std::vector<std::string> choices{};  // the permitted values; empty: any value
  bool required = false;
  bool replaces_operands = false;  // when the option is given, required operands must be absent
};

// "-c" and "--config"; the short name may be empty.
struct OptionNames {
  std::string brief, full;
};
OptionNames names_of(const Option& option);
inline bool needs_value(const Option& option) {
  return !option.value.empty() && !option.value.starts_with('[');
}

// An argument that is identified by its position. When there are fewer words than operands, optional operands
// stay empty, the last ones first: two words for `[CONFIG] METHOD URL` are METHOD and URL.
struct Operand {
  std::string name;  // the placeholder in the help: "CONFIG"
  std::string summary;
  std::string* target;
  Words words = Words::kText;
  std::vector<std::string> choices{};
  bool required = false;
};

// A complete command line; examples are in the order in which a reader would try them.
struct Example {
  std::string line;
  std::string meaning;
};

struct Meaning {
  std::string name;
  std::string meaning;
};

struct Exit {
  ExitCode code;
  std::string meaning;
};

// A command of the program: its description for help, completions, manual page and parser, and its function.
struct Command {
  std::string name;
  std::string summary;      // one line, without a full stop
  std::string description;  // paragraphs, separated by empty lines
  std::vector<Operand> operands{};
  std::vector<Option> options{};
  std::vector<Meaning> environment{};  // environment variables that the command reads
  std::vector<Exit> exits{};           // without kUsage, which every command has
  std::vector<Example> examples{};
  std::function<int()> run;  // called after parsing; returns an ExitCode
};

// All commands, in the order of the help.
const std::vector<Command>& commands();
// The command called `name`; null when there is none.
const Command* find_command(const std::string& name);

}  // namespace portcullis::cli

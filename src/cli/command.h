#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace portcullis::cli {

// What a command's process ends with. The same in all commands; docs/command-line.md has the table.
enum ExitCode : int {
  kGood = 0,
  kWrong = 1,      // the configuration is wrong, or has no answer to what was asked about it
  kDifferent = 2,  // reserved for commands that compare
  kCouldNot = 3,   // the work could not be done: a gateway cannot be reached, an address bound, a file read
  kRefused = 10,   // explain: the gateway would refuse the request
  kNoRoute = 11,   // explain: no route would take it
  kUsage = 64,     // the command line is wrong
};

// What the words of an option or an operand are, so that a shell can complete them.
enum class Words { kText, kFile, kCommand };

// Where the parser puts what was given to an option. What it points to lives as long as the command.
using Target = std::variant<bool*, std::string*, std::optional<std::string>*, std::vector<std::string>*>;

// A flag when its target is a bool; else it takes one value. It may be repeated when its target is a vector,
// and may go without its value when that is optional: the target is then an empty text.
struct Option {
  std::string names;  // "--json", or "-c,--config"
  std::string
      value{};  // how help calls its value: "ADDRESS"; empty for a flag; "[SIZE]" when it may be left out
  std::string summary;  // without a full stop
  Target target;
  Words words = Words::kText;
  std::vector<std::string> choices{};  // the values it takes; empty when others are possible
  bool required = false;
  bool replaces_operands = false;  // when it is given, the required operands must not be
};

// "-c" and "--config"; the brief one may be empty.
struct OptionNames {
  std::string brief, full;
};
OptionNames names_of(const Option& option);
inline bool needs_value(const Option& option) {
  return !option.value.empty() && !option.value.starts_with('[');
}

// What is given by its place. When there are not enough words for all operands, those that are not required
// go without one, the last of them first: two words for `[CONFIG] METHOD URL` are METHOD and URL.
struct Operand {
  std::string name;  // how help calls it: "CONFIG"
  std::string summary;
  std::string* target;
  Words words = Words::kText;
  std::vector<std::string> choices{};
  bool required = false;
};

// A command line that works as it stands, in the order in which a reader would try them.
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

// One command of the program: what help, completions, manual page and parser know of it, and what it does.
struct Command {
  std::string name;
  std::string summary;      // one line, without a full stop
  std::string description;  // paragraphs, separated by empty lines
  std::vector<Operand> operands{};
  std::vector<Option> options{};
  std::vector<Meaning> environment{};  // variables that it reads
  std::vector<Exit> exits{};           // kUsage goes without saying
  std::vector<Example> examples{};
  std::function<int()> run;  // after parsing; returns an ExitCode
};

// All commands, in the order in which help shows them.
const std::vector<Command>& commands();
// The command of that name; null when there is none.
const Command* find_command(const std::string& name);

}  // namespace portcullis::cli

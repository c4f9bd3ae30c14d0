#include "base/standard_descriptors.h"
#include "cli/parser.h"

// Exceptions that leave run_command_line() are defects of the commands' descriptions.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  portcullis::open_standard_descriptors();
  return portcullis::cli::run_command_line({argv + (argc > 0 ? 1 : 0), argv + argc});
}

#include <memory>
#include <system_error>

#include "base/say.h"
#include "cli/commands.h"
#include "cli/config_choice.h"
#include "cli/crash_report.h"
#include "cli/output.h"
#include "cli/small_run.h"
#include "control/gateway.h"
#include "runtime/signal_stack.h"

namespace portcullis::cli {
namespace {

struct RunSettings {
  ConfigChoice config;
  SmallRun small;
  control::RunOptions options;
  bool core_dumps = false;
};

int serve(const control::RunOptions& options) {
  report_crashes();
  const SignalStack signal_stack;
  control::Gateway::block_signals();
  begin_process_log();
  std::unique_ptr<control::QuitGuard> quit;
  std::unique_ptr<control::Gateway> gateway;
  try {
    quit = std::make_unique<control::QuitGuard>();
    gateway = std::make_unique<control::Gateway>(options, *quit);
  } catch (const std::system_error& problem) {  // a system limit is very low
    const Failure failure = failure_of(problem);
    say(Level::kError, failure.why);
    return failure.code;
  }
  switch (gateway->start()) {
    case control::StartOutcome::kServing: break;
    case control::StartOutcome::kBadConfiguration: return kWrong;
    case control::StartOutcome::kCouldNot: return kCouldNot;
  }
  gateway->run_until_signalled();
  return kGood;
}

int run(RunSettings& settings) {
  if (settings.core_dumps) settings.options.core_dumps = control::CoreDumps::kYes;
  if (const std::string option = settings.small.misplaced_option(); !option.empty())
    return usage_error(
        "run", "`" + option + "` can only be used with `--to`; otherwise set it in the configuration");
  if (settings.small.is_asked_for()) {
    if (settings.config.named())
      return usage_error("run", "`--to` cannot be combined with a configuration file");
    const std::optional<int> ended = settings.small.prepare(settings.options);
    return ended ? *ended : serve(settings.options);
  }
  Failure failure;
  auto path = settings.config.path(failure);
  if (!path) return fail("run", failure, OutputFormat::kText);
  settings.options.config_path = std::move(*path);
  return serve(settings.options);
}

}  // namespace

Command run_command() {
  auto settings = std::make_shared<RunSettings>();
  Command command{
      .name = "run",
      .summary = "Run the gateway with a configuration, or for one application without one",
      .description =
          "SIGHUP, and `portcullis reload`, load the configuration again; when the new one is wrong, the old "
          "one stays in use. SIGTERM and SIGINT let requests finish, then end the process; SIGQUIT ends it "
          "at once. SIGUSR1 opens the files of the logs again. SIGUSR2 starts the program at its path again, "
          "which may have been replaced, and passes all sockets on to the new process.\n\nWith --to no "
          "configuration file is needed: options describe the application, and --print writes the "
          "configuration for which they stand.",
      .operands = {config_operand(settings->config)},
      .options = {config_option(settings->config),
                  {.names = "--watch",
                   .summary = "Reload when the files of the configuration change",
                   .target = &settings->options.watch_files},
                  {.names = "--upgrade-socket",
                   .value = "PATH",
                   .summary = "Take over from the process of the same user that listens at this path, and "
                              "listen there for the next process that takes over",
                   .target = &settings->options.upgrade_socket_path,
                   .words = Words::kFile},
                  {.names = "--user",
                   .value = "NAME[:GROUP]",
                   .summary = "Give up root's privileges and become this user once all addresses are bound",
                   .target = &settings->options.user},
                  {.names = "--core-dumps",
                   .summary = "Let the system write a core file when it crashes; it holds keys and secrets",
                   .target = &settings->core_dumps}},
      .environment = {config_variable()},
      .exits = {{kGood, "the gateway has ended because a signal told it to"},
                {kWrong, "the configuration is wrong"},
                {kCouldNot,
                 "the gateway could not serve: an address could not be bound, a file could not be read or "
                 "written, or a limit is too low"}},
      .examples =
          {{"portcullis run gateway.yaml", "Serve one file"},
           {"portcullis run --watch /etc/portcullis/conf.d",
            "Serve the files of a folder, and follow changes"},
           {"portcullis run -c gateway.yaml --upgrade-socket /run/portcullis/upgrade.sock",
            "Take over from the process that was started by the same line, without losing a request"},
           {"portcullis run --to localhost:3000", "Serve the application at that port, at 127.0.0.1:8080"},
           {"portcullis run --to :3000 --to :3001 --listen :80 --domain api.example.com --key --rate "
            "100/min --cache",
            "Serve two instances of an application to the internet, with an API key, a limit and a cache"},
           {"portcullis run --to :3000 --rate 100/min --print > portcullis.yaml",
            "Write the configuration for which these options stand to a file"}},
      .run = [settings] { return run(*settings); }};
  for (Option& option : settings->small.options()) command.options.push_back(std::move(option));
  return command;
}

}  // namespace portcullis::cli

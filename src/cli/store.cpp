#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/plain_text.h"
#include "store/key_file.h"
#include "store/maintenance.h"

namespace portcullis::cli {
namespace {

constexpr const char* kDefaultStore = "/var/lib/portcullis/portcullis.db";

struct StoreSettings {
  std::string action, file;
  std::string store = kDefaultStore, key_file;
  bool force = false;
  bool json = false;
};

store::StoreFiles files_of(const StoreSettings& settings) {
  return {settings.store, settings.key_file.empty() ? settings.store + ".key" : settings.key_file};
}

// Prints what the command has done, or what it has found to be wrong. Returns the exit code.
int print_outcome(const StoreSettings& settings, const store::Findings& found, const std::string& subject) {
  const bool good = found.faults.empty();
  if (settings.json) {
    print_json({{"good", good},
                {"store", subject},
                {"newest", found.newest},
                {"revisions", found.revisions},
                {"secrets", found.secrets},
                {"faults", found.faults}});
  } else if (good) {
    std::printf("%s: good: revision %llu is the newest of %s, with %s\n", subject.c_str(),
                static_cast<unsigned long long>(found.newest), count_of(found.revisions, "revision").c_str(),
                count_of(found.secrets, "secret").c_str());
  } else {
    for (const std::string& fault : found.faults) std::fprintf(stderr, "portcullis: %s\n", fault.c_str());
    std::fprintf(stderr, "portcullis: %s: the store is not as it was written\n", subject.c_str());
  }
  return good ? kGood : kWrong;
}

int could_not(const StoreSettings& settings, const Error& error) {
  return fail("store", {kCouldNot, error.message}, format_of(settings.json));
}

int check_whole_store(const StoreSettings& settings) {
  const auto found = store::check_store(files_of(settings));
  return found ? print_outcome(settings, *found, settings.store) : could_not(settings, found.error());
}

int back_up(const StoreSettings& settings) {
  if (const Status done = store::back_up_store(files_of(settings), settings.file); !done)
    return could_not(settings, done.error());
  const auto found = store::check_store({settings.file, files_of(settings).key_file});
  return found ? print_outcome(settings, *found, settings.file) : could_not(settings, found.error());
}

// A backup that is damaged, or that the key file does not open, replaces nothing.
int restore(const StoreSettings& settings) {
  const store::StoreFiles files = files_of(settings);
  const auto found = store::check_store({settings.file, files.key_file});
  if (!found) return could_not(settings, found.error());
  if (!found->faults.empty()) return print_outcome(settings, *found, settings.file);
  const auto existing = settings.force ? store::Existing::kReplace : store::Existing::kRefuse;
  if (const Status done = store::restore_store(settings.file, files, existing); !done)
    return could_not(settings, done.error());
  return print_outcome(settings, *found, settings.store);
}

int rekey(const StoreSettings& settings) {
  const store::StoreFiles files = files_of(settings);
  const auto secrets = store::rekey_store(files);
  if (!secrets) return could_not(settings, secrets.error());
  if (settings.json) {
    print_json({{"good", true}, {"store", files.database}, {"secrets", *secrets}});
  } else {
    std::printf("%s: the new key is in %s, and encrypts %s\n", files.database.c_str(), files.key_file.c_str(),
                count_of(*secrets, "secret").c_str());
  }
  return kGood;
}

// Makes the key file of a store or of a cluster. One that exists stays as it is.
int make_key(const StoreSettings& settings) {
  const std::string path = files_of(settings).key_file;
  auto ring = store::read_key_file(path);
  if (!ring) return could_not(settings, ring.error());
  const bool existed = ring->has_value();
  if (!existed) {
    if (const auto made = store::create_key_file(path); !made) return could_not(settings, made.error());
  }
  if (settings.json) {
    print_json({{"good", true}, {"key_file", path}, {"created", !existed}});
  } else {
    std::printf("%s: %s\n", path.c_str(), existed ? "the key file exists already" : "created");
  }
  return kGood;
}

int run_store(const StoreSettings& settings) {
  const bool takes_file = settings.action == "backup" || settings.action == "restore";
  if (takes_file && settings.file.empty()) return usage_error("store", "`FILE` is missing");
  if (!takes_file && !settings.file.empty())
    return usage_error("store", "`" + settings.action + "` takes no file: `--store` names the store");
  if (settings.force && settings.action != "restore")
    return usage_error("store", "`--force` is for `restore`");
  return settings.action == "check"    ? check_whole_store(settings)
         : settings.action == "backup" ? back_up(settings)
         : settings.action == "rekey"  ? rekey(settings)
         : settings.action == "key"    ? make_key(settings)
                                       : restore(settings);
}

std::vector<Option> store_options(StoreSettings& settings) {
  return {{.names = "--store",
           .value = "PATH",
           .summary = std::string("The store; the default is ") + kDefaultStore,
           .target = &settings.store,
           .words = Words::kFile},
          {.names = "--key-file",
           .value = "PATH",
           .summary = "The keys of the store; the default is the store's path with .key",
           .target = &settings.key_file,
           .words = Words::kFile},
          {.names = "--force",
           .summary = "For restore: replace the content of a store that exists",
           .target = &settings.force},
          json_option(settings.json)};
}

}  // namespace

Command store_command() {
  auto settings = std::make_shared<StoreSettings>();
  return {
      .name = "store",
      .summary = "Check, back up, restore or rekey the store of revisions, or make its key file",
      .description =
          "`check` reads the whole store, and compares each revision with its hash. `backup` writes the "
          "state of one moment to a new file. `restore` puts a backup in the place of the store, after "
          "it has checked the backup. `rekey` encrypts all secrets with a new key. `key` makes a key file, "
          "which the nodes of a cluster share. The keys of a cluster cannot be changed by `rekey`.\n\n"
          "All of them can be used while a gateway runs. The key file is not in a backup: keep a copy "
          "of it at another place.",
      .operands = {{.name = "ACTION",
                    .summary = "check, backup, restore, rekey or key",
                    .target = &settings->action,
                    .choices = {"check", "backup", "restore", "rekey", "key"},
                    .required = true},
                   {.name = "FILE",
                    .summary = "For backup: the new file; for restore: the backup",
                    .target = &settings->file,
                    .words = Words::kFile}},
      .options = store_options(*settings),
      .exits = {{kGood, "the store is good, or the work is done"},
                {kWrong, "the store or the backup is damaged, or the key file belongs to another store"},
                {kCouldNot, "a file cannot be read or written, or the store exists already"}},
      .examples = {{"portcullis store check --store portcullis.db",
                    "Read the whole store, and look for damage"},
                   {"portcullis store backup tuesday.db --store portcullis.db", "While a gateway runs"},
                   {"portcullis store restore monday.db --store portcullis.db --force",
                    "Replace the content of a store by that of a backup"},
                   {"portcullis store rekey --store portcullis.db",
                    "After other people may have read the key file"},
                   {"portcullis store key --key-file cluster.key", "For the nodes of a cluster"}},
      .run = [settings] { return run_store(*settings); }};
}

}  // namespace portcullis::cli

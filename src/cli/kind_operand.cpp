#include "cli/kind_operand.h"

#include "http/query.h"

namespace portcullis::cli {
namespace {

// The words of all kinds; where it differs, also the key of the configuration.
std::vector<std::string> words_of_kinds() {
  std::vector<std::string> out;
  for (const config::ObjectKind& kind : config::object_kinds()) {
    out.push_back(kind.word());
    if (kind.word() != kind.key) out.emplace_back(kind.key);
  }
  return out;
}

}  // namespace

std::vector<Operand> KindAndName::operands() {
  return {{.name = "KIND",
           .summary = "The kind of the object, such as `routes` or `upstreams`",
           .target = &word,
           .choices = words_of_kinds(),
           .required = true},
          {.name = "NAME", .summary = "The name of the object", .target = &name}};
}

std::string KindAndName::refuse() const {
  return kind()->is_single && !name.empty() ? "there is only one `" + word + "`, which has no name" : "";
}

std::string KindAndName::path() const {
  return "/v1/" + kind()->word() + (kind()->is_single ? "" : "/" + http::percent_encode(name));
}

Option objects_file_option(std::string& config) {
  return {.names = "-c,--config",
          .value = "FILE",
          .summary = "Read the objects of this configuration, a file or a folder, and ask no gateway",
          .target = &config,
          .words = Words::kFile};
}

}  // namespace portcullis::cli

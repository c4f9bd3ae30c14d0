#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

// The sources of an upstream's targets, as configured. Defaults are in these structs; the schema shows them
// in the reference.
namespace portcullis::config {

struct Target;

struct SourceTls {
  std::string ca;
  std::string cert;
  std::string key;

  bool operator==(const SourceTls&) const = default;
};

struct Consul {
  std::string url = "http://127.0.0.1:8500";
  std::string service;  // empty: Consul is not used
  std::string tag;
  std::string datacenter;
  std::string token;
  SourceTls tls;

  bool operator==(const Consul&) const = default;
};

struct Etcd {
  std::vector<std::string> urls{"http://127.0.0.1:2379"};
  std::string prefix;  // empty: etcd is not used
  std::string username;
  std::string password;
  SourceTls tls;

  bool operator==(const Etcd&) const = default;
};

struct Discover {
  Location location;
  std::string srv;
  std::string file;
  Consul consul;
  Etcd etcd;

  bool enabled() const { return location.line_read != 0; }
  // True when both describe the same source.
  bool is_same(const Discover& other) const {
    return srv == other.srv && file == other.file && consul == other.consul && etcd == other.etcd;
  }
  // A description such as "file targets.yaml", for people.
  std::string describe() const;
};

Type<Discover> discover_type();
// The settings of TLS towards Consul or etcd.
Type<SourceTls> source_tls_type();
// Reports a source of targets that is not clear, and mistakes in a file of targets.
void check_discover(const Discover& discover, Diagnostics& diagnostics);

// Parses a list of targets, as in `targets`, in YAML or JSON; load_target() parses one target, or only its
// address. Mistakes are reported to `diagnostics`.
std::vector<Target> load_targets(const std::string& text, const std::string& name, Diagnostics& diagnostics);
// Reads the list of targets in a file. The error says why the file cannot be read; an empty file is an error.
Result<std::vector<Target>> read_targets(const std::string& path, Diagnostics& diagnostics);
Target load_target(const std::string& text, const std::string& name, Diagnostics& diagnostics);

}  // namespace portcullis::config

#include "policy/request_reads.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace portcullis::policy {

using variables::Variable;

std::string RequestReads::Read::title() const {
  switch (part) {
    case Part::kHeader: return "request.header." + name;
    case Part::kCookie: return "cookie." + name;
    case Part::kQuery: return "query." + name;
    case Part::kCertificate: return name.empty() ? "certificate" : "certificate." + name;
    case Part::kClaim: return name == "scope" || name == "scp" ? "scope" : "claim." + name;
  }
  return name;
}

void RequestReads::add(Read read) {
  if (read.part == Part::kHeader) read.name = to_lower(read.name);
  if (std::find(reads_.begin(), reads_.end(), read) == reads_.end()) reads_.push_back(std::move(read));
}

void RequestReads::add_header(std::string_view name, Use use) {
  add(Read{.part = Part::kHeader, .name = std::string(name), .use = use});
}

void RequestReads::add_claim(std::string_view name, Use use) {
  add(Read{.part = Part::kClaim, .name = std::string(name), .use = use});
}

void RequestReads::add(const variables::Reference& variable, Use use) {
  const auto property = [&](const char* name) {
    add(Read{.part = Part::kCertificate, .name = name, .use = use});
  };
  switch (variable.variable) {
    case Variable::kRequestHeader: add_header(variable.argument, use); break;
    case Variable::kCookie: add(Read{.part = Part::kCookie, .name = variable.argument, .use = use}); break;
    case Variable::kQuery: add(Read{.part = Part::kQuery, .name = variable.argument, .use = use}); break;
    case Variable::kCertificateSubject: property("subject"); break;
    case Variable::kCertificateIssuer: property("issuer"); break;
    case Variable::kCertificateSerial: property("serial"); break;
    case Variable::kCertificateFingerprint: property("fingerprint"); break;
    case Variable::kScope:
      add_claim("scope", use);
      add_claim("scp", use);
      break;
    case Variable::kClaim:
    case Variable::kClaimJson: add_claim(variable.argument, use); break;
    default: break;
  }
}

}  // namespace portcullis::policy

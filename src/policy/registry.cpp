#include "policy/registry.h"

#include "policy/cors/cors.h"
#include "policy/headers/headers.h"
#include "policy/ip_filter/ip_filter.h"
#include "policy/redirect/redirect.h"
#include "policy/request_limits/request_limits.h"
#include "policy/respond/respond.h"

namespace portcullis::policy {
namespace {

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{cors_kind(),     headers_kind(),        ip_filter_kind(),
                                     redirect_kind(), request_limits_kind(), respond_kind()};
  return all;
}

}  // namespace

const config::PolicyCatalog& catalog() {
  static const config::PolicyCatalog all = [] {
    config::PolicyCatalog out;
    for (const Kind& kind : kinds()) out.push_back(kind.description);
    return out;
  }();
  return all;
}

PolicyPointer build(const config::PolicyUse& use) {
  for (const Kind& kind : kinds()) {
    if (kind.description.name == use.name) return kind.create(use.settings.get());
  }
  return nullptr;
}

}  // namespace portcullis::policy

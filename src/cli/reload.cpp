#include "cli/reload.h"

#include <cstdio>

namespace portcullis::cli {

int reload(const AdminPlace& place) {
  auto gateway = AdminClient::find(place);
  if (!gateway) {
    cannot_ask(gateway.error().message);
    return place.config_path.empty() ? 2 : 1;
  }
  const client::HttpResponse response = gateway->ask("POST", "/reload", Milliseconds(30'000));
  if (!response.error.empty()) return cannot_ask(gateway->base() + ": " + response.error);
  if (response.status != 200 && response.status != 409)
    return cannot_ask(gateway->base() + " answers " + std::to_string(response.status) + ": " + response.body);
  const bool succeeded = response.status == 200;
  std::fputs(response.body.c_str(), succeeded ? stdout : stderr);
  return succeeded ? 0 : 1;
}

}  // namespace portcullis::cli

#include "control/admin_listener.h"

#include "runtime/acceptor.h"

namespace portcullis::control {
namespace {

// Makes the TLS context as for other listeners, without HTTP/2. Null when the admin listener serves plain
// HTTP.
Result<std::shared_ptr<const tls::ServerContext>> make_context(const config::Admin& settings, TlsState& tls) {
  if (!settings.tls.enabled()) return std::shared_ptr<const tls::ServerContext>();
  return make_server_context(as_listener(settings), tls);
}

}  // namespace

Result<UniqueFd> AdminListener::open_socket(const FixedSettings& fixed) {
  auto opened = open_listening_socket(*SocketAddress::parse(fixed.admin_address), 128);
  if (!opened) return Error{"the admin listener: " + opened.error().message};
  const std::string path = socket_path_of(fixed.admin_address);
  file_.add(path);
  if (path.empty() || !fixed.admin_rights.are_given()) return opened;
  auto file = SocketFile::open(path);
  const Status given = file ? file->set_rights(fixed.admin_rights) : Status(file.error());
  if (!given) return Error{"the admin listener: " + given.error().message};
  return opened;
}

Status AdminListener::open(const FixedSettings& fixed, const config::Admin& settings, TlsState& tls,
                           UniqueFd inherited) {
  if (fixed.admin_address.empty()) return {};
  address_ = fixed.admin_address;
  UniqueFd socket = std::move(inherited);
  if (!socket) {
    auto opened = open_socket(fixed);
    if (!opened) return opened.error();
    socket = std::move(*opened);
  }
  auto context = make_context(settings, tls);
  if (!context) return context.error();
  server_ =
      std::make_unique<AdminServer>(loop_, std::move(socket), settings, std::move(*context), operations_);
  return {};
}

std::vector<std::pair<std::string, std::vector<int>>> AdminListener::sockets() const {
  std::vector<std::pair<std::string, std::vector<int>>> out;
  if (fd() >= 0) out.emplace_back(name_of(address_), std::vector<int>{fd()});
  return out;
}

Result<std::function<void()>> AdminListener::prepare_change(const config::Admin& settings, TlsState& tls) {
  auto context = make_context(settings, tls);
  if (!context) return context.error();
  return std::function<void()>([this, settings, made = std::move(*context)] {
    if (server_ && settings.enabled() && settings.address == address_) server_->change(settings, made);
  });
}

void AdminListener::stop_accepting() {
  if (server_) server_->stop_accepting();
}

void AdminListener::finish() {
  if (server_) server_->finish();
}

}  // namespace portcullis::control

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/admin.h"
#include "control/admin/server.h"
#include "control/fixed_settings.h"
#include "control/operations.h"
#include "control/tls_setup.h"
#include "runtime/socket_file.h"

namespace portcullis::control {

// The admin listener of the process: the server, and its socket, which may come from a predecessor and may be
// passed on to a successor. Control thread.
class AdminListener {
 public:
  AdminListener(EventLoop& loop, const Operations& operations) : loop_(loop), operations_(operations) {}

  // Serves at the address in `fixed` with `settings`; does nothing without an address. `inherited` is the
  // socket of a predecessor, which owns the socket's file until own_file() is called. When `inherited` is
  // empty, a socket is opened.
  Status open(const FixedSettings& fixed, const config::Admin& settings, TlsState& tls, UniqueFd inherited);
  // The socket at which connections are accepted; -1 without an admin listener, and after stop_accepting().
  int fd() const { return server_ ? server_->fd() : -1; }
  // The socket for a successor, with the name under which it is passed on; empty when there is no socket.
  std::vector<std::pair<std::string, std::vector<int>>> sockets() const;
  static std::string name_of(const std::string& address) { return "admin " + address; }

  // Returns the function that makes the server use `settings`; it is called when they are in force. Returns
  // an error when the settings cannot be used. When the address of the listener differs from the one in
  // `settings`, the function changes nothing.
  Result<std::function<void()>> prepare_change(const config::Admin& settings, TlsState& tls);
  // Called when another process serves at this address from now on.
  void stop_accepting();
  // Called when the process is about to end: runs the loop until all answers have been sent, at most for a
  // second.
  void finish();

  // The next calls set the owner of the file of a Unix socket: this process, which removes the file at its
  // end, or a successor.
  void own_file() { file_.add(socket_path_of(address_)); }
  void leave_file() { file_.forget_all(); }
  void remove_file() { file_.remove_all(); }

 private:
  Result<UniqueFd> open_socket(const FixedSettings& fixed);

  EventLoop& loop_;
  Operations operations_;
  std::string address_;  // empty when there is no admin listener
  SocketFiles file_;     // the file of a Unix socket that this process removes
  std::unique_ptr<AdminServer> server_;
};

}  // namespace portcullis::control

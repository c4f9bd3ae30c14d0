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

// The admin listener of the process: its socket, which may come from a predecessor and may be passed on to a
// successor, and the server behind it. Control thread.
class AdminListener {
 public:
  AdminListener(EventLoop& loop, const Operations& operations) : loop_(loop), operations_(operations) {}

  // Serves at the address that `fixed` has, by what `settings` says; without an address it does nothing.
  // `inherited` is a predecessor's socket, whose file stays the predecessor's until own_file() is called;
  // empty: a socket is opened.
  Status open(const FixedSettings& fixed, const config::Admin& settings, TlsState& tls, UniqueFd inherited);
  // The socket it accepts connections at; -1 when there is none, or no more.
  int fd() const { return server_ ? server_->fd() : -1; }
  // The socket for a successor, by the name that it is passed on with; nothing when there is none.
  std::vector<std::pair<std::string, std::vector<int>>> sockets() const;
  static std::string name_of(const std::string& address) { return "admin " + address; }

  // Gives the function that makes the server follow `settings`, to be called when they are in force. An
  // error: they cannot be followed. Where the listener stays at another address than they say, it stays as it
  // is.
  Result<std::function<void()>> prepare_change(const config::Admin& settings, TlsState& tls);
  // Another process serves at this address from now on.
  void stop_accepting();

  // Whose the file of a Unix socket is: this process's, which removes it at the end, or a successor's.
  void own_file() { file_.add(socket_path_of(address_)); }
  void leave_file() { file_.forget_all(); }
  void remove_file() { file_.remove_all(); }

 private:
  Result<UniqueFd> open_socket(const FixedSettings& fixed);

  EventLoop& loop_;
  Operations operations_;
  std::string address_;  // empty: there is no admin listener
  SocketFiles file_;     // of a Unix socket that this process removes
  std::unique_ptr<AdminServer> server_;
};

}  // namespace portcullis::control

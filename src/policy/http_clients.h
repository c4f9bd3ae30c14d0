#pragma once

#include <memory>
#include <vector>

#include "client/http_client.h"
#include "policy/engine.h"

namespace portcullis::policy {

// An HTTP client for each worker, used by policies that ask other services.
class HttpClients final : public Engine {
 public:
  explicit HttpClients(const EngineContext& context) : clients_(context.workers) {
    // Here, so that no worker waits for it. On failure the requests of the policies tell why.
    (void)client::HttpClient::prepare();
  }

  // The client of a worker. Called on the thread of that worker, whose loop is `loop`.
  client::HttpClient& of(size_t worker, EventLoop& loop) {
    std::unique_ptr<client::HttpClient>& mine = clients_[worker];
    if (!mine) mine = std::make_unique<client::HttpClient>(loop);
    return *mine;
  }
  void stop() override { clients_.clear(); }

 private:
  std::vector<std::unique_ptr<client::HttpClient>> clients_;
};

}  // namespace portcullis::policy

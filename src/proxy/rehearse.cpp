#include "proxy/rehearse.h"

#include "http/h1/server_stream.h"
#include "proxy/absent_client.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

Task<Rehearsal> rehearse(WorkerContext& worker, std::shared_ptr<Listener> listener,
                         std::shared_ptr<const RehearsalRequest> request, const ReplayedRequest* replayed) {
  if (listener == nullptr) {
    listener = std::make_shared<Listener>();
    listener->settings = std::make_shared<const ListenerSettings>();
  }
  Rehearsal out;
  ClientConnection client(worker, listener,
                          make_supposed_client(request->text, out.answer, Rehearsal::kMaxAnswer),
                          {.peer = request->peer,
                           .is_secure = request->is_secure,
                           .asked_for_certificate = request->asked_for_certificate,
                           .certificate = request->certificate});
  client.input.block = Block::take(Block::kMedium);
  http::h1::ServerMessageStream message(client.stream, client.input, client.message_settings());
  {
    const auto exchange = std::make_unique<Exchange>(Client{client, message});
    Task<void> rehearsing = exchange->rehearse(request->purpose, replayed, out);
    co_await rehearsing;
  }
  co_return out;
}

}  // namespace portcullis::proxy

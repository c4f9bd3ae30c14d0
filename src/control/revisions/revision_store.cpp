#include "control/revisions/revision_store.h"

#include <utility>

#include "crypto/encoding.h"
#include "store/stored_form.h"

namespace portcullis::control {

RevisionStore::RevisionStore(EventLoop& loop, store::Store store, bool in_memory)
    : loop_(loop),
      in_memory_(in_memory),
      box_(store.box()),
      store_(std::make_shared<Opened>(std::move(store))),
      pool_(1, kMaxWaiting) {}

Result<std::unique_ptr<RevisionStore>> RevisionStore::open(EventLoop& loop, const config::Store& settings) {
  const bool in_memory = !settings.enabled();
  auto opened = in_memory ? store::Store::open_in_memory()
                          : store::Store::open({settings.sqlite, settings.key_path()},
                                               sqlite::Database::IfAbsent::kCreate);
  if (!opened) return opened.error();
  opened->defer_checkpoints();
  return std::unique_ptr<RevisionStore>(new RevisionStore(loop, std::move(*opened), in_memory));
}

namespace {

RevisionStore::Call<bool> call_of(RevisionStore::Write write) {
  return [its_write = std::move(write)](store::Store& store) -> Result<bool> {
    const Status written = its_write(store);
    return written ? Result<bool>(true) : Result<bool>(written.error());
  };
}

}  // namespace

Task<Status> RevisionStore::write(Write call) {
  Task<Result<bool>> writing = ask<bool>(call_of(std::move(call)));
  const Result<bool> written = co_await writing;
  co_return written ? Status() : Status(written.error());
}

Status RevisionStore::write_now(const Write& call) {
  const Result<bool> written = ask_now<bool>(call_of(call));
  return written ? Status() : Status(written.error());
}

std::string RevisionStore::digest_of(const store::Object& object) const {
  const auto form = store::stored_form_of(object, box_);
  return form ? crypto::hex_encode(crypto::text_of(form->digest)).substr(0, 32) : std::string();
}

}  // namespace portcullis::control

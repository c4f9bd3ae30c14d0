#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "../support/run_task.h"
#include "../support/shelf_api.h"
#include "base/arena.h"
#include "http/grpc.h"
#include "policy/grpc_transcoding/json_response.h"
#include "policy/grpc_transcoding/path_template.h"
#include "policy/grpc_transcoding/request_builder.h"
#include "policy/grpc_transcoding/service_api.h"
#include "policy/grpc_web/grpc_web.h"

using namespace portcullis;
using namespace portcullis::policy;
using namespace portcullis::policy::grpc_transcoding;

namespace {

const ServiceApi& shelves() {
  static const std::shared_ptr<const ServiceApi> api = [] {
    std::vector<ServiceApi::Problem> problems;
    return ServiceApi::read(tests::shelf_descriptors(), {}, problems);
  }();
  return *api;
}

std::shared_ptr<const ServiceApi> borrowed() {
  return {std::shared_ptr<const ServiceApi>(), &shelves()};
}

// A template, a line break, and a path: a match has a value for each variable.
void match(const std::string& text) {
  const size_t line = text.find('\n');
  if (line == std::string::npos) return;
  const auto parsed = PathTemplate::parse(text.substr(0, line));
  if (!parsed) return;
  PathTree tree;
  const std::string path = text.substr(line + 1);
  if (!tree.add(*parsed, "GET", 0) || tree.add(*parsed, "GET", 1)) std::abort();
  if (tree.find("GET", path) && parsed->values_in(path).size() != parsed->variables.size()) std::abort();
}

// The built output consists of whole messages.
void request(const std::string& method, const std::string& path, const std::string& query,
             const std::string& body) {
  const HttpBinding* binding = shelves().find(method, path);
  if (binding == nullptr) return;
  const auto built = build_request(shelves(), *binding, {path, query, body, "x/y"},
                                   {.unknown = RequestForm::Unknown::kIgnored, .max = 1'000'000});
  if (!built) return;
  for (std::string_view rest = *built; !rest.empty();) {
    if (rest.size() < http::kGrpcPrefix) std::abort();
    const size_t size = http::kGrpcPrefix + http::grpc_size(rest);
    if (rest.size() < size) std::abort();
    rest.remove_prefix(size);
  }
}

void response(const std::string& method, const std::string& body, size_t cut, StreamForm form) {
  const JsonForm how{{}, form, 100'000};
  http::ResponseHead head;
  head.status = 200;
  head.fields.add("content-type", "application/grpc");
  Arena arena;
  static EventLoop loop;
  static SidePool pool(1, 1);
  JsonResponse converter(JsonPrinter(borrowed(), *shelves().find("POST", method), how), head, arena, loop,
                         pool);
  converter.begin();
  cut = std::min(cut, body.size());
  const size_t trailers = std::min(body.rfind("grpc-status"), body.size());
  cut = std::min(cut, trailers);
  std::string out;
  using Step = BodyConverter::Step;
  const auto is_done = [&](Step step) {
    if (step == Step::kLater) step = tests::run_to_end(loop, converter.proceed(out));
    return step == Step::kDone;
  };
  if (is_done(converter.convert(body.substr(0, cut), out)) &&
      is_done(converter.convert(body.substr(cut, trailers - cut), out)))
    (void)is_done(converter.finish(body.substr(trailers), out));
}

}  // namespace

// gRPC for clients that do not speak it: templates, requests in JSON, responses in messages. The first byte
// chooses one of these, the second is a number for it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0]) {
    case 't': match(text); break;
    case 'q': request("GET", "/v1/shelves/x", text, ""); break;
    case 'p': request("GET", "/v1/shelves/" + text, "", ""); break;
    case 'b': request("PUT", "/v1/shelves/x", "", text); break;
    case 's': request("POST", "/shelf.Shelves/Import", "", text); break;
    case 'a': response("/shelf.Shelves/Watch", text, data[1], StreamForm::kArray); break;
    case 'e': response("/shelf.Shelves/Watch", text, data[1], StreamForm::kEvents); break;
    case 'u': response("/shelf.Shelves/Import", text, data[1], StreamForm::kArray); break;
    default: (void)grpc_web::decode_grpc_web_text(text);
  }
  return 0;
}

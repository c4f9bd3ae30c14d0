// A node of a cluster, without a gateway. Reads commands from standard input and writes lines to standard
// output, one JSON value each; the tests drive several of them against a real etcd:
//
//   cluster_node ID KEY_FILE PREFIX URL,... [USER PASSWORD [CA CERT KEY]]
//
// A command is a JSON array: its name and its arguments. Its answer is {"answer": NAME, ...}, with "error"
// when there is none. What the node sees of the cluster is {"seen": TOPIC, ...}.
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <sstream>

#include "base/json_text.h"
#include "base/wall_clock.h"
#include "cluster/cluster.h"
#include "cluster_printer.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "store/key_file.h"

namespace {

using namespace portcullis;
using nlohmann::json;

using tests::print;

json failed(const Error& error) {
  return {{"error", error.message}};
}

json told(const cluster::ListedNode& node) {
  return {{"revision", node.node.revision}, {"alive", node.alive}, {"last_error", node.node.last_error}};
}

store::Object object(const std::string& name, const std::string& value, const std::string& secret) {
  json content = {{"value", value}};
  if (!secret.empty()) content["password"] = secret;
  return {.id = {"routes", name},
          .json = json_text(content),
          .secrets = secret.empty() ? std::vector<std::string>{} : std::vector<std::string>{"/password"}};
}

cluster::Node node_serving(const std::string& id, uint64_t revision) {
  cluster::Node out;
  out.id = id;
  out.version = "1";
  out.revision = revision;
  return out;
}

store::Draft draft_of(uint64_t newest, const std::string& author) {
  return {.newest = newest, .time = current_second(), .author = author, .message = "why"};
}

json told(const Result<cluster::PublishOutcome>& outcome) {
  if (!outcome) return failed(outcome.error());
  if (const auto* published = std::get_if<cluster::Published>(&*outcome)) {
    const store::Revision& revision = published->content->header.revision;
    return {{"published", revision.number}, {"summary", revision.summary}, {"hash", revision.hash}};
  }
  if (const auto* unchanged = std::get_if<store::Unchanged>(&*outcome))
    return {{"unchanged", unchanged->number}};
  if (const auto* overtaken = std::get_if<store::Overtaken>(&*outcome))
    return {{"overtaken", overtaken->newest}};
  return {{"unusable", std::get<store::Unusable>(*outcome).message}};
}

json told(const Result<cluster::Documents::WriteOutcome>& outcome) {
  if (!outcome) return failed(outcome.error());
  const auto* written = std::get_if<cluster::Documents::Written>(&*outcome);
  return written == nullptr ? json{{"conflict", true}} : json{{"changed", written->changed}};
}

json told(const Result<cluster::Drafts::Outcome>& outcome) {
  if (!outcome) return failed(outcome.error());
  switch (*outcome) {
    case cluster::Drafts::Outcome::kDone: return {{"outcome", "done"}};
    case cluster::Drafts::Outcome::kConflict: return {{"outcome", "conflict"}};
    case cluster::Drafts::Outcome::kTooMany: return {{"outcome", "too many"}};
  }
  return nullptr;
}

// The commands of a node. Each may take a while, and several may be in progress.
class Commands {
 public:
  Commands(cluster::Cluster& cluster, EventLoop& loop, cluster::Keys keys, std::string id)
      : cluster_(cluster), loop_(loop), keys_(std::move(keys)), id_(std::move(id)) {}

  void run(const json& command) { tasks_.spawn(answer(command)); }

 private:
  using Handler = Task<json> (Commands::*)(json);

  Task<void> answer(json command) {
    static const std::map<std::string, Handler> kHandlers{{"publish", &Commands::publish},
                                                          {"publish_many", &Commands::publish_many},
                                                          {"race", &Commands::race},
                                                          {"read", &Commands::read},
                                                          {"catch_up", &Commands::catch_up},
                                                          {"sweep", &Commands::sweep},
                                                          {"tag", &Commands::tag},
                                                          {"untag", &Commands::untag},
                                                          {"canary", &Commands::canary},
                                                          {"draft", &Commands::draft},
                                                          {"event", &Commands::event},
                                                          {"audit", &Commands::audit},
                                                          {"check_keys", &Commands::check_keys},
                                                          {"nodes", &Commands::nodes},
                                                          {"serve", &Commands::serve},
                                                          {"leave", &Commands::leave},
                                                          {"status", &Commands::status}};
    const auto begin = Clock::now();
    const std::string name = command[0];
    const auto handler = kHandlers.find(name);
    json out = failed(Error{"no such command"});
    if (handler != kHandlers.end()) out = co_await (this->*handler->second)(std::move(command));
    out["answer"] = name;
    out["milliseconds"] = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    print(out);
  }

  // [publish, NEWEST, {NAME: VALUE or null or [VALUE, SECRET]}]
  Task<json> publish(json command) {
    store::Changes changes;
    for (const auto& [name, value] : command[2].items()) {
      if (value.is_null()) {
        changes.remove.push_back({"routes", name});
      } else {
        changes.put.push_back(value.is_array() ? object(name, value[0], value[1]) : object(name, value, ""));
      }
    }
    store::Draft draft = draft_of(command[1], id_);
    co_return told(co_await cluster_.publisher.publish(std::move(draft), std::move(changes)));
  }

  // [publish_many, NEWEST, COUNT, BYTES]: COUNT objects, each with a value of BYTES random bytes.
  Task<json> publish_many(json command) {
    std::vector<store::Object> objects;
    for (size_t i = 0; i < command[2].get<size_t>(); ++i) {
      const std::string bytes = crypto::random_bytes(command[3]);
      objects.push_back(object("route-" + std::to_string(i), crypto::hex_encode(bytes), ""));
    }
    store::Draft draft = draft_of(command[1], id_);
    co_return told(co_await cluster_.publisher.publish_all(std::move(draft), std::move(objects)));
  }

  // [race, COUNT, NAME]: publishes COUNT times, again when it is overtaken.
  Task<json> race(json command) {
    json numbers = json::array();
    size_t overtaken = 0;
    uint64_t newest = 0;
    while (numbers.size() < command[1].get<size_t>()) {
      store::Changes changes;
      changes.put.push_back(object(command[2], std::to_string(numbers.size() + 1), "secret-of-the-race"));
      store::Draft draft = draft_of(newest, id_);
      const json outcome = told(co_await cluster_.publisher.publish(std::move(draft), std::move(changes)));
      if (outcome.contains("published")) {
        newest = outcome["published"];
        numbers.push_back(newest);
        print({{"raced", newest}, {"value", std::to_string(numbers.size())}});
      } else if (outcome.contains("overtaken")) {
        newest = outcome["overtaken"];
        ++overtaken;
      } else {
        co_return outcome;
      }
    }
    co_return json{{"numbers", std::move(numbers)}, {"overtaken", overtaken}};
  }

  // [read, NUMBER]
  Task<json> read(json command) {
    const uint64_t before = cluster_.revisions.bytes_read();
    const auto found = co_await cluster_.revisions.read(command[1].get<uint64_t>());
    if (!found) co_return failed(found.error());
    if (const auto* missing = std::get_if<store::Missing>(&*found))
      co_return json{{"missing", *missing == store::Missing::kExpired ? "expired" : "never"}};
    last_ = std::get<cluster::ContentPtr>(*found);
    json objects = json::object();
    for (const cluster::SealedObject* sealed : cluster::objects_of(*last_)) {
      const auto opened = cluster::open(*sealed, *keys_.box);
      if (!opened) co_return failed(opened.error());
      const json value = json::parse(opened->object.json);
      objects[sealed->id.name] = value.size() == 1 ? value["value"] : json{value["value"], value["password"]};
    }
    const size_t count = objects.size();
    if (count > 1'000) objects = json::object();
    const store::Revision& revision = last_->header.revision;
    co_return json{
        {"number", revision.number},           {"summary", revision.summary},
        {"author", revision.author},           {"hash", revision.hash},
        {"objects", std::move(objects)},       {"count", count},
        {"parts", last_->header.parts.size()}, {"bytes", cluster_.revisions.bytes_read() - before}};
  }

  // [catch_up, FROM, TO]: reads each revision after FROM.
  Task<json> catch_up(json command) {
    const uint64_t before = cluster_.revisions.bytes_read();
    size_t changed = 0;
    const uint64_t to = command[2];
    std::vector<uint64_t> numbers;
    for (uint64_t number = command[1].get<uint64_t>() + 1; number <= to; ++number) numbers.push_back(number);
    auto headers = co_await cluster_.revisions.headers(std::move(numbers));
    if (!headers) co_return failed(headers.error());
    for (cluster::Header& header : *headers) {
      const auto content = co_await cluster_.revisions.read(std::move(header));
      if (!content) co_return failed(content.error());
      changed += cluster::difference(*last_, **content).put.size();
      last_ = *content;
    }
    co_return json{{"number", last_->header.revision.number},
                   {"changed", changed},
                   {"bytes", cluster_.revisions.bytes_read() - before}};
  }

  // [sweep, DAYS]: as it will be in so many days.
  Task<json> sweep(json command) {
    std::set<uint64_t> kept;
    const auto now = current_second() + std::chrono::days(command[1].get<int>());
    const auto swept = co_await cluster_.sweeper.sweep(now, std::move(kept));
    if (!swept) co_return failed(swept.error());
    co_return json{{"revisions", swept->revisions}, {"pieces", swept->pieces}};
  }

  // [tag, NAME, NUMBER]
  Task<json> tag(json command) {
    const auto tagged =
        co_await cluster_.documents.tag(command[1].get<std::string>(), command[2].get<uint64_t>());
    if (!tagged) co_return failed(tagged.error());
    co_return json{{"tagged", std::holds_alternative<uint64_t>(*tagged)}};
  }
  // [untag, NAME]
  Task<json> untag(json command) {
    const auto removed = co_await cluster_.documents.remove_tag(command[1].get<std::string>());
    if (!removed) co_return failed(removed.error());
    co_return json{{"removed", *removed == cluster::Documents::Untagged::kRemoved}};
  }
  // [canary, TEXT, SEEN]; an empty text removes it.
  Task<json> canary(json command) {
    std::string text = command[1];
    const uint64_t seen = command[2];
    if (text.empty()) co_return told(co_await cluster_.documents.remove_canary(seen));
    co_return told(co_await cluster_.documents.write_canary(std::move(text), seen));
  }
  // [draft, NAME, SEEN, TEXT]: writes the draft, and reads it again. An empty text removes it.
  Task<json> draft(json command) {
    constexpr size_t kMaxDrafts = 3;
    const std::string name = command[1];
    std::string its_name = name, text = command[3];
    const uint64_t seen = command[2];
    if (text.empty()) co_return told(co_await cluster_.drafts.remove(std::move(its_name), seen));
    json out = told(co_await cluster_.drafts.write(std::move(its_name), std::move(text), seen, kMaxDrafts));
    its_name = name;
    const auto again = co_await cluster_.drafts.read(std::move(its_name));
    if (!again) co_return failed(again.error());
    if (*again)
      out.update({{"text", (*again)->text}, {"changed", (*again)->changed}, {"fault", (*again)->fault}});
    co_return out;
  }
  // [event, KIND, TEXT]
  Task<json> event(json command) {
    cluster::Event event{command[1], command[2], id_};
    const Status sent = co_await cluster_.documents.send(std::move(event));
    co_return sent ? json::object() : failed(sent.error());
  }
  // [audit, LINE]: appends it, and reads the newest lines.
  Task<json> audit(json command) {
    const Status written = co_await cluster_.documents.append_audit(command[1].get<std::string>());
    if (!written) co_return failed(written.error());
    const auto lines = co_await cluster_.documents.audit(2);
    if (!lines) co_return failed(lines.error());
    co_return json{{"lines", *lines}};
  }
  // [check_keys]
  Task<json> check_keys(json) {
    cluster::Keys keys = keys_;
    const Status same = co_await cluster_.documents.check_keys(std::move(keys));
    co_return same ? json::object() : failed(same.error());
  }
  // [nodes]
  Task<json> nodes(json) {
    json out = json::object();
    for (const auto& [id, node] : cluster_.observer.view().nodes) out[id] = told(node);
    co_return json{{"nodes", std::move(out)}};
  }
  // [serve, NUMBER]: says that the node serves this revision.
  Task<json> serve(json command) {
    cluster_.membership.update(node_serving(id_, command[1]));
    co_return json::object();
  }
  // [leave]
  Task<json> leave(json) {
    const Status left = co_await cluster_.membership.leave();
    loop_.stop();
    co_return left ? json::object() : failed(left.error());
  }
  // [status]
  Task<json> status(json) {
    const auto status = co_await cluster_.client.status();
    if (!status) co_return failed(status.error());
    co_return json{{"version", status->version}, {"has_leader", status->has_leader}};
  }

  cluster::Cluster& cluster_;
  EventLoop& loop_;
  const cluster::Keys keys_;
  const std::string id_;
  cluster::ContentPtr last_ = cluster::no_content();
  TaskGroup tasks_;
};

// Reads commands from standard input; its end ends the node.
class Input final : public Watcher {
 public:
  Input(EventLoop& loop, Commands& commands) : loop_(loop), commands_(commands) {
    loop_.watch(STDIN_FILENO, EPOLLIN, *this);
  }
  void on_events(uint32_t) override {
    char bytes[4096];
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) {
      loop_.unwatch(STDIN_FILENO, *this);
      loop_.stop();
      return;
    }
    rest_.append(bytes, static_cast<size_t>(got));
    for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      commands_.run(json::parse(rest_.substr(0, end)));
      rest_.erase(0, end + 1);
    }
  }

 private:
  EventLoop& loop_;
  Commands& commands_;
  std::string rest_;
};

etcd::Settings settings_of(const std::vector<std::string>& words) {
  etcd::Settings out{.urls = {}, .prefix = words[2], .username = {}, .password = {}, .tls = {}};
  std::istringstream urls(words[3]);
  for (std::string url; std::getline(urls, url, ',');) out.urls.push_back(url);
  if (words.size() > 5) out.username = words[4], out.password = words[5];
  if (words.size() > 6) out.tls.ca = words[6];
  if (words.size() > 8) out.tls.cert = words[7], out.tls.key = words[8];
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() < 4) return 64;
  auto ring = store::read_key_file(words[1]);
  if (ring && !*ring) {
    auto made = store::create_key_file(words[1]);
    if (made) *ring = std::move(*made);
  }
  if (!ring || !*ring) return 1;
  const std::string current = (*ring)->keys.back().id;
  const cluster::Keys keys{std::make_shared<store::SecretBox>(std::move(**ring)), current};
  EventLoop loop;
  client::HttpClient http(loop);
  SidePool pool(1, 16);
  tests::ClusterPrinter printer;
  cluster::Cluster node(
      loop, http, pool,
      {.etcd = settings_of(words), .keys = keys, .node = node_serving(words[0], 0), .retention = {10}},
      printer, [](bool held) {
        print({{"seen", "lease"}, {"held", held}});
      });
  printer.set(node);
  Commands commands(node, loop, keys, words[0]);
  const Input input(loop, commands);
  loop.run();
  pool.stop();
  return 0;
}

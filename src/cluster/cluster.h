#pragma once

#include <functional>
#include <optional>

#include "cluster/documents.h"
#include "cluster/drafts.h"
#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/membership.h"
#include "cluster/observer.h"
#include "cluster/publisher.h"
#include "cluster/revisions.h"
#include "cluster/sweeper.h"
#include "etcd/client.h"

namespace portcullis::cluster {

// A node's part in a cluster on etcd: everything in this folder, connected. On the loop's thread; what is
// passed must outlive it.
class Cluster {
 public:
  struct Options {
    etcd::Settings etcd;
    Keys keys;
    std::optional<Node> node{};  // see Membership
    store::Retention retention{};
  };
  // `on_lease`: see Membership.
  Cluster(EventLoop& loop, client::HttpClient& http, SidePool& pool, const Options& options,
          Observer::Listener& listener, std::function<void(bool)> on_lease)
      : layout(options.etcd.prefix),
        client(loop, http, options.etcd),
        membership(client, layout, options.node, std::move(on_lease)),
        revisions(client, layout, pool),
        publisher(client, layout, revisions, pool, options.keys, membership.lease()),
        documents(client, layout, options.keys),
        drafts(client, layout, pool, options.keys),
        sweeper(client, layout, revisions, options.retention),
        observer(client, layout, options.keys, listener) {}

  const Layout layout;
  etcd::Client client;
  Membership membership;
  Revisions revisions;
  Publisher publisher;
  Documents documents;
  Drafts drafts;
  Sweeper sweeper;
  Observer observer;
};

}  // namespace portcullis::cluster

"""Begins the files whose tests take longest first. The tests of a file run one after the other, so a long file that begins last
leaves the other workers without work."""

FILES = ["test_store.py", "test_dashboard_publishing.py", "test_store_kills.py", "test_cluster_failures.py", "test_cluster_revisions.py",
         "test_objects_sizes.py", "test_redis_servers.py"]
ORDER = {name: position for position, name in enumerate(FILES)}


class LongestFirst:
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: ORDER.get(item.path.name, len(FILES)))


def register(config):
    config.pluginmanager.register(LongestFirst())

"""Small stand-ins for the programs of a SmartOS host, for tests on hosts without them.

Each module is one program with a ``main(host_file)``; ``host_file`` is a JSON file that has the
datasets, machines and answers of that host. They import as little as they can, because a test
starts them thousands of times.
"""

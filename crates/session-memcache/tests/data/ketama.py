"""Writes ketama.json: which node each key belongs to, according to libmemcached and to uhashring.

    apt-get install libmemcached11 && pip install uhashring==2.5
    python3 ketama.py > ketama.json

Both libraries are asked for every key, and must agree. libmemcached is asked as pylibmc's `ketama_weighted` and PHP's
`OPT_LIBKETAMA_COMPATIBLE` do: MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, which also selects MD5 for the keys.
"""

import ctypes
import json

from uhashring import HashRing

LIBRARY = ctypes.CDLL("libmemcached.so.11")
LIBRARY.memcached_create.argtypes = [ctypes.c_void_p]
LIBRARY.memcached_create.restype = ctypes.c_void_p
LIBRARY.memcached_behavior_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64]
LIBRARY.memcached_server_add.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint16]
LIBRARY.memcached_server_add_unix_socket.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
LIBRARY.memcached_generate_hash.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
LIBRARY.memcached_generate_hash.restype = ctypes.c_uint32
LIBRARY.memcached_lib_version.restype = ctypes.c_char_p

# From libmemcached-1.0/types/behavior.h.
KETAMA_WEIGHTED = 16

CLUSTERS = [
    ["127.0.0.1:11212"],
    ["127.0.0.1:21211", "127.0.0.1:21212", "127.0.0.1:21213"],
    ["10.0.0.1:11211", "10.0.0.2:11211"],
    ["cache-a.example:11211", "cache-b.example:11212", "/run/memcached.sock", "10.1.2.3:11211"],
    [f"10.0.{number}.1:11211" for number in range(20)],
]

KEYS = [f"session:{number}" for number in range(300)]
KEYS += ["k", "!", "~" * 250, "session:3YFMy8qfAeXnWdV0cLdt6w", "f47ac10b-58cc-4372-a567-0e02b2c3d479"]


def by_libmemcached(nodes):
    client = LIBRARY.memcached_create(None)
    assert LIBRARY.memcached_behavior_set(client, KETAMA_WEIGHTED, 1) == 0
    for node in nodes:
        if node.startswith("/"):
            assert LIBRARY.memcached_server_add_unix_socket(client, node.encode()) == 0
        else:
            host, port = node.rsplit(":", 1)
            assert LIBRARY.memcached_server_add(client, host.encode(), int(port)) == 0
    return [nodes[LIBRARY.memcached_generate_hash(client, key.encode(), len(key))] for key in KEYS]


def by_uhashring(nodes):
    names = {}
    for node in nodes:
        if node.startswith("/"):
            names[f"{node}:0"] = node
        else:
            names[node.removesuffix(":11211")] = node
    ring = HashRing(list(names), hash_fn="ketama")
    return [names[ring.get_node(key)] for key in KEYS]


def owners(nodes):
    found = by_libmemcached(nodes)
    assert found == by_uhashring(nodes)
    return found


def vector(nodes):
    without_first = owners(nodes[1:]) if len(nodes) > 1 else []
    return {
        "nodes": nodes,
        "owners": [nodes.index(owner) for owner in owners(nodes)],
        "owners_without_first_node": [nodes.index(owner) for owner in without_first],
    }


print(
    json.dumps(
        {
            "made_by": f"libmemcached {LIBRARY.memcached_lib_version().decode()}, uhashring 2.5",
            "keys": KEYS,
            "clusters": [vector(nodes) for nodes in CLUSTERS],
        }
    )
)

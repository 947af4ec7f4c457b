import threading

from stylecore.host.byte_cache import ByteCache


def test_the_values_that_were_not_used_for_longest_leave():
    cache = ByteCache(30, len)
    for key in "abc":
        cache.keep(key, key.encode() * 10)
    assert cache.get("a") == b"a" * 10
    cache.keep("d", b"d" * 10)
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.bytes == 30


def test_a_value_replaces_the_former_one():
    cache = ByteCache(30, len)
    cache.keep("a", b"x" * 20)
    assert cache.keep("a", b"y" * 25) == b"y" * 25
    assert (cache.get("a"), cache.bytes) == (b"y" * 25, 25)


def test_a_value_above_the_limit_is_returned_and_not_kept():
    cache = ByteCache(30, len)
    assert cache.keep("a", b"x" * 31) == b"x" * 31
    assert cache.get("a") is None
    assert cache.bytes == 0


def test_many_threads_never_exceed_the_limit():
    cache, seen = ByteCache(1000, len), []

    def work(seed):
        for number in range(200):
            cache.keep((seed, number % 7), b"x" * (number % 90 + 1))
            cache.get((seed, (number + 3) % 7))
            seen.append(cache.bytes)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes == sum(len(value) for value in cache._values.values()) <= 1000

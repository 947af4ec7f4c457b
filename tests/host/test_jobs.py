import gc
import math
import threading
import time
import weakref

import pytest

from stylecore.errors import ImageError, StoppedError
from stylecore.host.device_turns import may_pause
from stylecore.host.job_queue import JobQueue
from stylecore.host.jobs import JobState, QueueFullError
from stylecore.host.local_job import LocalJob


class Gate:
    """Work that starts, waits to be let through, and stops when asked."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.open = threading.Event()

    def __call__(self, job):
        self.started.set()
        while not self.open.wait(0.01):
            if job.should_stop():
                return "best so far"
        return "finished"


def test_a_job_reports_and_returns():
    def work(job):
        job.report("half")
        return 42

    job = JobQueue().submit(work)
    assert job.wait(5)
    assert (job.state, job.progress, job.result) == (JobState.DONE, "half", 42)


def test_jobs_run_one_at_a_time_and_in_order():
    queue, running, order = JobQueue(capacity=20), [], []

    def work(number):
        def run(job):
            running.append(number)
            assert len(running) == 1
            time.sleep(0.005)
            order.append(running.pop())

        return run

    jobs = [queue.submit(work(number)) for number in range(10)]
    assert all(job.wait(5) for job in jobs)
    assert {job.state for job in jobs} == {JobState.DONE}
    assert order == list(range(10))


def test_the_place_in_line_moves_up():
    queue, gate = JobQueue(), Gate()
    first = queue.submit(gate)
    gate.started.wait(5)
    second, third = queue.submit(lambda job: None), queue.submit(lambda job: None)
    assert [job.place for job in (first, second, third)] == [0, 1, 2]
    second.cancel()
    assert third.place == 1
    gate.open.set()
    assert third.wait(5)
    assert third.place == 0


def test_a_full_queue_says_so_and_takes_more_later():
    queue, gate = JobQueue(capacity=1, noun="paintings"), Gate()
    queue.submit(gate)
    gate.started.wait(5)
    waiting = queue.submit(lambda job: None)
    with pytest.raises(QueueFullError, match="1 paintings are waiting already"):
        queue.submit(lambda job: None)
    waiting.cancel()
    assert queue.submit(lambda job: None)
    gate.open.set()


def test_a_running_job_is_cancelled_with_what_it_has():
    queue, gate = JobQueue(), Gate()
    job = queue.submit(gate)
    gate.started.wait(5)
    job.cancel()
    assert job.wait(1)
    assert (job.state, job.result) == (JobState.CANCELLED, "best so far")


def test_a_job_that_is_stopped_with_nothing_to_keep_is_cancelled():
    def work(job):
        raise StoppedError("before the first step")

    job = JobQueue().submit(work)
    assert job.wait(5)
    assert (job.state, job.result, job.error) == (JobState.CANCELLED, None, None)


def test_a_waiting_job_that_is_cancelled_never_starts():
    queue, gate, ran = JobQueue(), Gate(), []
    queue.submit(gate)
    gate.started.wait(5)
    waiting = queue.submit(lambda job: ran.append(1))
    waiting.cancel()
    gate.open.set()
    assert waiting.wait(5)
    assert waiting.state is JobState.CANCELLED
    assert ran == []


def test_a_waiting_job_that_is_cancelled_ends_while_another_runs():
    queue, gate = JobQueue(), Gate()
    queue.submit(gate)
    assert gate.started.wait(5)
    waiting = queue.submit(lambda job: "ran")
    waiting.cancel()
    assert waiting.wait(10)
    assert (waiting.state, waiting.result) == (JobState.CANCELLED, None)
    gate.open.set()


def test_a_failure_is_kept_and_the_next_job_runs():
    queue = JobQueue()

    def fail(job):
        raise ImageError("too small")

    failed, next_job = queue.submit(fail), queue.submit(lambda job: "fine")
    assert next_job.wait(5)
    assert failed.state is JobState.FAILED
    assert str(failed.error) == "too small"
    assert next_job.result == "fine"


def test_a_job_that_nobody_watches_is_cancelled_when_another_waits():
    queue, gate = JobQueue(abandoned_s=0.1), Gate()
    job = queue.submit(gate)
    time.sleep(0.3)
    other = queue.submit(lambda job: "fine")
    while not job.wait(0.01):
        other.touch()
    assert (job.state, job.is_abandoned, job.result) == (JobState.CANCELLED, True, "best so far")
    assert other.wait(5)
    assert (other.state, other.is_abandoned) == (JobState.DONE, False)


def test_a_job_that_nobody_watches_goes_on_while_nobody_waits():
    queue, gate = JobQueue(abandoned_s=0.05), Gate()
    job = queue.submit(gate)
    assert not job.wait(0.5)
    gate.open.set()
    assert job.wait(5)
    assert (job.state, job.is_abandoned) == (JobState.DONE, False)


def test_a_waiting_job_that_nobody_watches_makes_room():
    queue, gate = JobQueue(capacity=1, abandoned_s=0.2), Gate()
    running, waiting = queue.submit(gate), queue.submit(lambda job: None)
    for _ in range(6):
        running.touch()
        time.sleep(0.05)
    newcomer = queue.submit(lambda job: "fine")
    assert (waiting.state, waiting.is_abandoned) == (JobState.CANCELLED, True)
    gate.open.set()
    assert newcomer.wait(5)
    assert newcomer.result == "fine"


def test_a_queue_is_busy_until_all_has_ended():
    queue, gate = JobQueue(), Gate()
    assert not queue.is_busy
    job = queue.submit(gate)
    assert queue.is_busy
    gate.open.set()
    assert job.wait(5)
    for _ in range(100):
        if not queue.is_busy:
            break
        time.sleep(0.01)
    assert not queue.is_busy


def test_a_watched_job_lives_on():
    queue, gate = JobQueue(abandoned_s=0.3), Gate()
    job = queue.submit(gate)
    other = queue.submit(lambda job: None)
    for _ in range(20):
        job.touch()
        other.touch()
        time.sleep(0.05)
    assert (job.state, other.state) == (JobState.RUNNING, JobState.WAITING)
    gate.open.set()
    assert job.wait(5)
    assert job.state is JobState.DONE


@pytest.mark.parametrize("has_cause", [False, True])
def test_an_ended_job_lets_go_of_its_pictures(has_cause):
    class Picture:
        pass

    queue = JobQueue()

    def submit():
        picture = Picture()

        def work(job):
            assert picture
            try:
                raise OSError("of a decoder")
            except OSError as error:  # an unexpected error would be kept by the captured log
                if has_cause:
                    raise ImageError("broken") from error
            raise ImageError("broken")

        return queue.submit(work), weakref.ref(picture)

    job, picture = submit()
    assert job.wait(5)
    for _ in range(50):
        gc.collect()
        if picture() is None:
            break
        time.sleep(0.02)
    assert picture() is None


def test_many_threads_submit_and_cancel():
    queue, jobs, lock = JobQueue(capacity=1000), [], threading.Lock()

    def visitor():
        for _ in range(20):
            job = queue.submit(lambda job: time.sleep(0.0005))
            with lock:
                jobs.append(job)
            if len(jobs) % 3 == 0:
                job.cancel()

    threads = [threading.Thread(target=visitor) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(job.wait(10) for job in jobs)
    assert len(jobs) == 160
    assert {job.state for job in jobs} == {JobState.DONE, JobState.CANCELLED}


def test_a_job_cancelled_at_the_last_moment_never_starts():
    ran = []
    job = LocalJob(JobQueue(), lambda job: ran.append(1), None, expected_s=1, expected_bytes=0)
    job.cancel()
    job._run()  # as a worker does that has just taken it from the line
    assert (job.state, ran) == (JobState.CANCELLED, [])


@pytest.mark.parametrize("first_to_fail", [1, 2])
def test_a_host_without_threads_loses_one_job_and_no_more(monkeypatch, first_to_fail):
    queue, start, starts = JobQueue(), threading.Thread.start, []

    def start_some(thread):
        starts.append(thread)
        if len(starts) == first_to_fail:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    with pytest.raises(QueueFullError, match="no thread left"):
        queue.submit(lambda job: "lost")
    assert not queue.is_busy
    job = queue.submit(lambda job: "fine")
    assert job.wait(5)
    assert job.result == "fine"


def test_two_workers_run_two_jobs_at_once():
    queue = JobQueue(workers=2, capacity=0)
    gates = [Gate(), Gate()]
    jobs = [queue.submit(gate) for gate in gates]
    assert all(gate.started.wait(5) for gate in gates)
    with pytest.raises(QueueFullError):
        queue.submit(lambda job: None)
    for gate in gates:
        gate.open.set()
    assert all(job.wait(5) for job in jobs)


@pytest.mark.parametrize("is_broken", [False, True])
def test_memory_goes_back_before_the_end_is_told(monkeypatch, is_broken):
    seen = []

    def work(job):
        if is_broken:
            raise ImageError("broken")

    queue = JobQueue()
    started = threading.Event()
    monkeypatch.setattr("stylecore.host.local_job.return_freed_memory", lambda: seen.append(job.is_finished))
    queue.submit(lambda _: started.wait(10))  # holds the queue until `job` is bound
    job = queue.submit(work)
    started.set()
    assert job.wait(10)
    assert seen[-1] is False


def finished(queue: JobQueue, result: object) -> str:
    """The token of a job that has ended with this result."""
    job = queue.submit(lambda job: result)
    assert job.wait(10)
    return job.token


def test_a_job_is_found_by_its_token_with_what_it_was_made_of():
    queue = JobQueue()
    job = queue.submit(lambda job: 42, about="a cat")
    found = queue.find(job.token)
    assert found.wait(10)
    assert (found.about, found.result) == ("a cat", 42)
    assert queue.find("nonsense") is queue.find(None) is None


def test_tokens_are_long_and_all_different():
    queue = JobQueue(capacity=100)
    tokens = {queue.submit(lambda job: None).token for _ in range(50)}
    assert len(tokens) == 50
    assert {len(bytes.fromhex(token)) for token in tokens} == {16}


def test_the_oldest_finished_jobs_are_forgotten():
    queue = JobQueue(kept=2)
    tokens = [finished(queue, "a painting") for _ in range(4)]
    assert [queue.find(token) is not None for token in tokens] == [False, False, True, True]


def test_jobs_that_left_nothing_cost_no_result():
    queue = JobQueue(kept=2)
    tokens = [finished(queue, result) for result in ("a painting", None, None, None)]
    assert [queue.find(token) is not None for token in tokens] == [True, False, True, True]


def test_running_jobs_cost_no_finished_one():
    queue, is_open = JobQueue(workers=3, kept=1), threading.Event()
    token = finished(queue, None)
    for _ in range(3):
        queue.submit(lambda job: is_open.wait(60))
    assert queue.find(token) is not None
    is_open.set()


def test_finished_jobs_are_forgotten_when_they_take_too_much_memory():
    queue = JobQueue(kept_bytes=100, size_of=lambda job: len(job.result or b""))
    sizes = (10, 50, 30, 70, 200)
    tokens = [finished(queue, bytes(size)) for size in sizes]
    assert [queue.find(token) is not None for token in tokens] == [False, False, False, False, True]
    small = [finished(queue, bytes(size)) for size in (10, 50, 30)]
    assert [queue.find(token) is not None for token in (tokens[-1], *small)] == [False, True, True, True]


def test_an_owner_has_a_limit_of_jobs_and_others_are_served():
    queue, gate = JobQueue(noun="paintings", own=2), Gate()
    first = queue.submit(gate, owner="cat")
    assert gate.started.wait(5)
    queue.submit(lambda job: None, owner="cat")
    with pytest.raises(QueueFullError, match="2 paintings of yours"):
        queue.submit(lambda job: None, owner="cat")
    assert queue.submit(lambda job: None, owner="dog")
    gate.open.set()
    assert first.wait(5)


def test_a_job_that_runs_too_long_is_stopped_with_what_it_has():
    job = JobQueue(longest_s=0.2, abandoned_s=0.2).submit(Gate())
    assert job.wait(10)
    assert (job.state, job.is_overdue, job.result) == (JobState.CANCELLED, True, "best so far")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_fails_its_job_and_is_replaced():
    queue = JobQueue(abandoned_s=0.2)

    def die(job):
        raise GeneratorExit

    dead, next_job = queue.submit(die), queue.submit(lambda job: "fine")
    assert next_job.wait(10)
    assert (dead.state, next_job.result) == (JobState.FAILED, "fine")
    assert "its thread ended" in str(dead.error)


class Steps:
    """Work of many steps, between which it lets shorter jobs run; all is left to do until it is `open`."""

    def __init__(self, order: list[str], name: str = "long", *, free_bytes: float = math.inf) -> None:
        self.started, self.open = threading.Event(), threading.Event()
        self.order, self.name, self.free_bytes = order, name, free_bytes

    def __call__(self, job):
        self.started.set()
        while not self.open.wait(0.005) and not job.should_stop():
            job.yield_turn(1.0, free_bytes=self.free_bytes)
        self.order.append(self.name)
        return self.name


def test_a_long_job_pauses_until_a_shorter_one_has_ended():
    queue, order, gate = JobQueue(), [], Gate()
    long = Steps(order)
    paused = queue.submit(long, expected_s=100)
    assert long.started.wait(10)
    shorter = queue.submit(lambda job: order.append(gate(job)), expected_s=10)
    assert gate.started.wait(10)
    assert (paused.state, shorter.state) == (JobState.PAUSED, JobState.RUNNING)
    assert queue.running == (shorter,)
    gate.open.set()
    assert shorter.wait(10)
    long.open.set()
    assert paused.wait(10)
    assert order == ["finished", "long"]
    assert (paused.state, paused.result) == (JobState.DONE, "long")


@pytest.mark.parametrize("expected", [{"expected_s": 50}, {}, {"expected_s": 10, "expected_bytes": 1000}])
def test_what_is_hardly_shorter_or_unknown_or_large_waits_for_the_end(expected):
    queue, order = JobQueue(), []
    long = Steps(order, free_bytes=999)
    first = queue.submit(long, expected_s=100)
    assert long.started.wait(10)
    other = queue.submit(lambda job: order.append("other"), **expected)
    time.sleep(0.1)
    assert (first.state, other.place) == (JobState.RUNNING, 1)
    long.open.set()
    assert other.wait(10)
    assert order == ["long", "other"]


def test_the_shorter_one_overtakes_those_that_are_as_long():
    queue, order = JobQueue(), []
    long = Steps(order)
    queue.submit(long, expected_s=100)
    assert long.started.wait(10)
    second = queue.submit(lambda job: order.append("second"), expected_s=100)
    assert queue.submit(lambda job: order.append("short"), expected_s=1).wait(10)
    long.open.set()
    assert second.wait(10)
    assert order == ["short", "long", "second"]


def test_one_job_at_a_time_is_paused():
    queue, order = JobQueue(), []
    long, shorter = Steps(order), Steps(order, "shorter")
    first = queue.submit(long, expected_s=100)
    assert long.started.wait(10)
    second = queue.submit(shorter, expected_s=30)
    assert shorter.started.wait(10)
    third = queue.submit(lambda job: order.append("shortest"), expected_s=1)
    time.sleep(0.1)
    assert [job.state for job in (first, second, third)] == [
        JobState.PAUSED,
        JobState.RUNNING,
        JobState.WAITING,
    ]
    shorter.open.set()
    assert third.wait(10)
    long.open.set()
    assert first.wait(10)
    assert order == ["shorter", "shortest", "long"]


def test_a_paused_job_that_is_cancelled_ends_after_the_shorter_one_with_what_it_has():
    queue, order, gate = JobQueue(), [], Gate()
    long = Steps(order)
    paused = queue.submit(long, expected_s=100)
    assert long.started.wait(10)
    queue.submit(gate, expected_s=1)
    assert gate.started.wait(10)
    paused.cancel()
    gate.open.set()
    assert paused.wait(10)
    assert (paused.state, paused.result) == (JobState.CANCELLED, "long")


def test_a_failure_of_the_shorter_job_is_its_own():
    queue, order = JobQueue(), []
    long = Steps(order)
    first = queue.submit(long, expected_s=100)
    assert long.started.wait(10)

    def fail(job):
        raise ImageError("too small")

    shorter = queue.submit(fail, expected_s=1)
    assert shorter.wait(10)
    assert shorter.state is JobState.FAILED
    long.open.set()
    assert first.wait(10)
    assert first.state is JobState.DONE


def test_pauses_take_no_longer_than_the_job_itself():
    turn = {"other_s": 20, "own_s": 100, "share_left": 0.9}
    assert may_pause(**turn, paused_s=80)
    assert not may_pause(**turn, paused_s=81)
    assert not may_pause(other_s=31, own_s=100, share_left=0.9, paused_s=0)


def test_a_job_of_unknown_length_never_pauses():
    assert not may_pause(other_s=1, own_s=math.inf, share_left=1.0, paused_s=0)

import gc
import weakref

from streamlit.testing.v1 import AppTest

from stylecore.host.job_queue import JobQueue


def stop_button() -> None:
    import streamlit as st

    from pages.shared.keeping import offer_to_stop

    if st.session_state.jobs:
        offer_to_stop(st.session_state.jobs.pop(), "Stop", "Stopping", key="stop")


def test_a_stop_button_that_is_gone_holds_no_job():
    queue = JobQueue(kept=0)
    app = AppTest.from_function(stop_button)
    app.session_state.jobs = [queue.submit(lambda job: None)]
    gone = weakref.ref(app.session_state.jobs[0])
    assert gone().wait(10)
    app.run()
    assert app.button(key="stop").label == "Stop"
    app.run()
    queue.find("")  # forgets what is finished
    gc.collect()
    assert gone() is None

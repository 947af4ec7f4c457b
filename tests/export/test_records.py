from export.records import style_scores


def test_scores_say_what_they_were_measured_on():
    losses = {"content": 1.0, "style": 0.5, "total": 3.0}
    report = {"photos": ["a.jpg", "b.jpg"], "side": 512, "styles": {"mosaic": losses, "ink": losses}}
    record = losses | {"optimization": losses, "network_same_photos": losses}
    references = {"reference_photos": 1, "reference_steps": 20, "styles": {"mosaic": record}}
    scores = style_scores(report, references)
    assert scores["ink"] == {"photos": 2, "side": 512, **losses}
    assert scores["mosaic"]["optimization"] == {"photos": 1, "steps": 20, **losses, "network": losses}
    assert scores["mosaic"]["total"] == 3.0

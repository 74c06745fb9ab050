"""What is fitted on is never what judges it."""

import numpy as np

from catdog_gui.classify.fitting import fitting_for
from tests.helpers.judged import drawn, judged_pairs


def test_validation_photos_are_fitted_on_and_all_others_judge() -> None:
    judged, validation = drawn(7), drawn(5, seed=1)
    fitting = fitting_for(judged, validation)
    assert fitting.fitted_on == "validation"
    assert fitting.photos is validation
    (part,) = fitting.parts
    assert part.photos is validation
    assert part.judges.tolist() == [True] * 7


def test_without_validation_photos_each_half_is_judged_by_what_the_other_was_fitted_on() -> None:
    judged = drawn(9)
    fitting = fitting_for(judged, None)
    assert fitting.fitted_on == "halves"
    assert fitting.photos is judged
    one, other = fitting.parts
    assert one.judges.sum() + other.judges.sum() == 9
    assert not (one.judges & other.judges).any()
    assert {one.judges.sum(), other.judges.sum()} == {4, 5}
    for part in fitting.parts:
        judging = {name for name, judges in zip(judged.names, part.judges, strict=True) if judges}
        assert judging.isdisjoint(part.photos.names)
        assert judging.union(part.photos.names) == set(judged.names)


def test_halves_mix_the_photos_and_are_always_the_same() -> None:
    judged = drawn(40)
    first, again = (fitting_for(judged, None).parts[0].judges for _ in range(2))
    assert first.tolist() == again.tolist()
    assert 0 < first[:20].sum() < 20


def test_one_photo_has_no_halves() -> None:
    fitting = fitting_for(judged_pairs([0], [0.2]), None)
    assert fitting.parts == ()
    assert np.array_equal(fitting.photos.labels, [0])

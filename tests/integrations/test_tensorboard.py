"""`sync_tensorboard` with both real writers."""

import pytest

from tests.integrations.conftest import keys, media, steps, values

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]

WRITING = """
import metascope, numpy
from {module} import SummaryWriter

own = SummaryWriter.add_scalar
with metascope.start("boards"), metascope.sync_tensorboard():
    writer = SummaryWriter("events")
    for step in range(5):
        writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_scalars("both", {{"a": step, "b": -step}}, global_step=step)
    writer.add_scalar("alone", 2.0)
    writer.add_histogram("weights", numpy.arange(10.0), 1)
    writer.add_image("picture", numpy.zeros((3, 4, 5)), 1)
    writer.add_image("flat", numpy.zeros((4, 5)), 1, dataformats="HW")
    writer.add_images("several", numpy.zeros((2, 3, 4, 5)), 1)
    writer.add_text("note", "written", 1)
    writer.add_hparams({{"lr": 0.1}}, {{"accuracy": 0.9}})
    writer.close()
assert SummaryWriter.add_scalar is own
SummaryWriter("events").add_scalar("after", 1.0, 0)
"""


@pytest.mark.parametrize("module", ["torch.utils.tensorboard", "tensorboardX"])
def test_what_a_writer_is_told_is_recorded(train, tmp_path, module):
    run = train(WRITING.format(module=module))

    assert values(run, "train/loss") == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert values(run, "both/b") == [0, -1, -2, -3, -4]
    assert keys(run) == {"train/loss", "both/a", "both/b", "alone"}
    assert steps(run, "train/loss") == [0, 1, 2, 3, 4]
    assert media(run) == {
        "media/histogram/weights/000000000001.histogram.json",
        "media/image/picture/000000000001.png",
        "media/image/flat/000000000001.png",
        "media/image/several/0/000000000001.png",
        "media/image/several/1/000000000001.png",
        "media/text/note/000000000001.txt",
    }
    assert (run.params, run.summary) == ({"lr": 0.1}, {"accuracy": 0.9})
    assert list((tmp_path / "events").glob("events.out.*"))  # as before


def test_without_either_writer_it_says_what_to_install(train):
    run = train(
        """
import importlib.util, metascope
importlib.util.find_spec = lambda name: None
with metascope.start("boards"):
    try:
        metascope.sync_tensorboard()
    except metascope.MissingFramework as error:
        assert "pip install tensorboard" in str(error), error
    else:
        raise AssertionError("nothing was said")
"""
    )

    assert run.project.slug == "boards"

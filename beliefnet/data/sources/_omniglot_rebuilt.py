"""The drawings of Omniglot (Lake, Salakhutdinov and Tenenbaum 2015), reduced to 28 x 28 anew."""

from functools import partial

from beliefnet.data.sources._local import Local
from beliefnet.data.sources._omniglot import NUM_VALID, SIDE, cut_validation

OMNIGLOT_REBUILT = Local(
    name="omniglot-rebuilt",
    description="Omniglot's drawings reduced anew; NOT comparable with published OMNIGLOT results",
    variant="rebuilt at 28x28, not the published images or test set",
    origin="https://github.com/brendenlake/omniglot",
    image_shape=(SIDE, SIDE),
    splits={"train": 23000, "valid": NUM_VALID, "test": 8115},
    binarization="dynamic",
    file_name="omniglot28_rebuilt.npz",
    layout={"train_images": ((24345, SIDE, SIDE), "uint8"), "test_images": ((8115, SIDE, SIDE), "uint8")},
    unpack=partial(cut_validation, names=("train_images", "test_images"), scale="bytes"),
    instead="omniglot",
)

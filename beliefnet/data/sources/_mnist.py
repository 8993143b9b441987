"""MNIST (LeCun, Cortes and Burges 1998)."""

from beliefnet.data._download import Download
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._grey import IDX_FILES, LAYOUT, SPLITS, convert_idx, unpack_grey

CHECKSUMS = {
    "train_images": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train_labels": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "test_images": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "test_labels": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
BASE_URLS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "http://yann.lecun.com/exdb/mnist/")

MNIST = Remote(
    name="mnist",
    description="grey handwritten digits",
    variant="canonical",
    origin=BASE_URLS[0],
    image_shape=(28, 28),
    splits=SPLITS,
    binarization="dynamic",
    file_name="mnist.npz",
    layout=LAYOUT,
    downloads=tuple(Download(IDX_FILES[name], checksum) for name, checksum in CHECKSUMS.items()),
    base_urls=BASE_URLS,
    convert=convert_idx,
    unpack=unpack_grey,
)

"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)."""

from beliefnet.data._download import Download
from beliefnet.data.sources._base import Remote
from beliefnet.data.sources._grey import IDX_FILES, LAYOUT, SPLITS, convert_idx, unpack_grey

# Its authors publish MD5 only.
CHECKSUMS = {
    "train_images": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train_labels": "md5:25c81989df183df01b3e8a0aad5dffbe",
    "test_images": "md5:bef4ecab320f06d8554ea6380940ec79",
    "test_labels": "md5:bb300cfdad3c16e7a12a480ee83cd310",
}
BASE_URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

FASHION_MNIST = Remote(
    name="fashion-mnist",
    description="grey pictures of clothes",
    variant="canonical",
    origin=BASE_URL,
    image_shape=(28, 28),
    splits=SPLITS,
    binarization="dynamic",
    file_name="fashion_mnist.npz",
    layout=LAYOUT,
    downloads=tuple(Download(IDX_FILES[name], checksum) for name, checksum in CHECKSUMS.items()),
    base_urls=(BASE_URL,),
    convert=convert_idx,
    unpack=unpack_grey,
)

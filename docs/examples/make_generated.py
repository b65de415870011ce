"""Train both image generators on examples/photographs and write examples/generated/.

    python docs/examples/make_generated.py

Takes five to ten minutes on one core. The runs, with their logs and previews, stay in
runs/examples; a killed run goes on there. All was trained on photographs that may be shared, see
README.md.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from verascope.generate.contract import Budget
from verascope.generate.data import open_pictures
from verascope.generate.dcgan import Dcgan
from verascope.generate.device import pick
from verascope.generate.reconstructor import Reconstructor
from verascope.generate.run import grid

HERE = Path(__file__).parents[2] / "examples"
RUNS = HERE.parent / "runs" / "examples"


def main() -> None:
    """Write a sheet and a single sample of the DCGAN, and two twins of photographs."""
    torch.set_num_threads(1)
    photographs, out = open_pictures(HERE / "photographs"), HERE / "generated"
    out.mkdir(exist_ok=True)

    dcgan = Dcgan(device=pick("cpu"))
    dcgan.train(photographs, Budget(steps=1000), seed=0, out=RUNS / "dcgan")
    samples = np.stack([item.media for item in dcgan.sample(17, seed=0)])
    Image.fromarray(grid(samples[:16], 4)).save(out / "dcgan-sheet.png", optimize=True)
    Image.fromarray(samples[16]).save(out / "dcgan-sample.png", optimize=True)

    reconstructor = Reconstructor(device=pick("cpu"))
    reconstructor.train(photographs, Budget(steps=800), seed=0, out=RUNS / "reconstructor")
    for twin in reconstructor.transform(photographs, seed=0):
        name = Path(twin.origin)
        if name.stem == "chelsea":
            Image.fromarray(twin.media).save(out / "chelsea-twin.png", optimize=True)
        elif name.stem == "china":
            Image.fromarray(twin.media).save(out / "china-twin.jpg", quality=90)


if __name__ == "__main__":
    main()

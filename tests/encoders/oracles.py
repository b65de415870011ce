"""What sound encoders must give, computed another way: not by the graphs that we build.

`python -m tests.encoders.oracles FOLDER_OF_WHEELS` writes the references that ship in the package.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from librosa.filters import mel
from numpy.typing import NDArray
from onnx import helper

from verascope.encoders import ctranslate, sound
from verascope.encoders.known import SOUND

Floats = NDArray[np.float32]
PACKAGE = Path(sound.__file__).parent


def voice(seconds: float = 2.5) -> NDArray[np.int16]:
    """A made-up voice, int16 [1, m]: gliding harmonics under two resonances, breath and a pause."""
    t = np.arange(int(16_000 * seconds)) / 16_000
    pitch = 130 + 40 * np.sin(2 * np.pi * 0.9 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    sound: NDArray[np.float64] = np.zeros(len(t))
    for k in range(1, 40):
        at = k * pitch
        gain = np.exp(-(((at - 600) / 300) ** 2)) + 0.5 * np.exp(-(((at - 1900) / 500) ** 2))
        sound += (gain + 0.02) * np.cos(k * phase) * (at < 7800)
    sound += 0.1 * np.random.default_rng(21).normal(size=len(t))
    sound *= 0.55 + 0.45 * np.sin(2 * np.pi * 2.2 * t)
    sound[int(0.45 * len(t)) : int(0.5 * len(t))] = 0
    samples: NDArray[np.int16] = np.round(sound / np.abs(sound).max() * 12_000).astype(np.int16)
    return samples[None]


def levelled(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Full scale 1, root mean square 0.05."""
    full = samples / 2**15
    level: NDArray[np.float64] = (
        full * 0.05 / np.maximum(np.sqrt((full**2).mean(1, keepdims=True)), 1e-5)
    )
    return level


def moments(values: NDArray[np.floating], *, largest: bool = False) -> Floats:
    """Of [n, channels, places]: float32 [n, 2 or 3 × channels]."""
    kept = values.astype(np.float64)
    found = [kept.mean(-1), kept.std(-1), *([kept.max(-1)] if largest else [])]
    return np.concatenate(found, 1).astype(np.float32)


def plcmos(source: bytes, samples: NDArray[np.int16]) -> dict[str, Floats]:
    """By the public graph, its intermediate tensors made outputs."""
    names = {
        "conv 1": "onnx::MaxPool_52",
        "conv 2": "onnx::MaxPool_55",
        "conv 3": "onnx::MaxPool_58",
        "pool 3": "input.20",
        "project": "onnx::Transpose_74",
    }
    model = onnx.load_from_string(source)
    for name in names.values():
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    hidden: dict[str, list[Floats]] = {tap: [] for tap in names}
    for clip in levelled(samples):
        given = {"degraded_audio": _twentieths(clip)[None, None], "rater_embed": np.zeros((1, 64))}
        given = {key: value.astype(np.float32) for key, value in given.items()}
        for tap, each in zip(names, session.run(list(names.values()), given), strict=True):
            hidden[tap].append(each.reshape(1, each.shape[1], -1))
    return {tap: moments(np.concatenate(all_), largest=True) for tap, all_ in hidden.items()}


def _twentieths(clip: NDArray[np.float64]) -> NDArray[np.float64]:
    """A twentieth of the natural logarithm of the power of each frame."""
    frames = -(-(len(clip) + 256) // 256)
    padded = np.zeros((frames - 1) * 256 + 512)
    padded[256 : 256 + len(clip)] = clip
    cut = np.stack([padded[k * 256 :][:512] for k in range(frames)])
    spectrum = np.fft.rfft(cut * np.hamming(513)[:-1])
    logs: NDArray[np.float64] = np.log(np.maximum(np.abs(spectrum) ** 2, 1e-10)) / 20
    return logs


def distillmos(source: bytes, samples: NDArray[np.int16]) -> dict[str, Floats]:
    """By torch's own layers, from what torch reads."""
    weights = torch.load(io.BytesIO(source), weights_only=True)["model"]
    x = torch.from_numpy(levelled(samples)).float()
    x = F.pad(x / (x.abs().amax(1, keepdim=True) + 1e-8), (80, 80), mode="reflect")
    spectrum = torch.stft(
        x, 320, 160, window=torch.hann_window(320), center=False, return_complex=True
    )
    magnitude = spectrum.abs().clip(1e-12)
    x = torch.view_as_real(magnitude**0.3 * spectrum / magnitude).permute(0, 3, 1, 2)
    found = {}
    for k in range(6):
        kernel, bias = (weights[f"cnn.cnn.{2 * k}.{each}"] for each in ("weight", "bias"))
        strides = (1 if k == 0 else 2, 2 if k == 5 else 1)
        x = F.leaky_relu(F.conv2d(x, kernel, bias, strides, (0, 1)), 0.1)
        found[f"conv {k + 1}"] = moments(x.flatten(2).numpy())
    found["bands 6"] = moments(x.flatten(1, 2).numpy())
    head = {
        key.removeprefix("transformer_pool_attn."): value
        for key, value in weights.items()
        if key.startswith("transformer_pool_attn.")
    }
    x = x.flatten(1, 2)
    for name in ("norm_input", "transformer.norm"):
        mean, variance = head[f"{name}.running_mean"], head[f"{name}.running_var"]
        x = F.batch_norm(x, mean, variance, head[f"{name}.weight"], head[f"{name}.bias"])
    linear = "transformer.linear_proj"
    x = F.linear(x.mT, head[f"{linear}.weight"], head[f"{linear}.bias"])
    x = x + head["transformer.position_encoding.pe"][:, : x.shape[1]]
    for k in range(5):
        layer = torch.nn.TransformerEncoderLayer(200, 8, 400, batch_first=True).eval()
        prefix = f"transformer.transformer_encoder.layers.{k}."
        own = {n.removeprefix(prefix): v for n, v in head.items() if n.startswith(prefix)}
        layer.load_state_dict(own)
        x = layer(x)
        found[f"transformer {k + 1}"] = moments(x.mT.numpy())
    return found


def whisper(source: bytes, samples: NDArray[np.int16]) -> dict[str, Floats]:
    """By torch's functions and librosa's filters, from the raw tensors."""
    raw = ctranslate.read(source, lambda name: name.startswith("encoder/"))
    w = {
        name.removeprefix("encoder/"): torch.from_numpy(values.astype(np.float32))
        for name, values in raw.items()
    }
    x = torch.from_numpy(levelled(samples)).float()
    spectrum = torch.stft(x, 400, 160, window=torch.hann_window(400), return_complex=True)
    filters = torch.from_numpy(mel(sr=16_000, n_fft=400, n_mels=80))
    logs = (filters @ spectrum[..., :-1].abs() ** 2).clip(1e-10).log10()
    x = (logs.maximum(logs.amax((1, 2), keepdim=True) - 8) + 4) / 4
    x = F.gelu(F.conv1d(x, w["conv1/weight"], w["conv1/bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["conv2/weight"], w["conv2/bias"], stride=2, padding=1))
    found = {"stem": moments(x.numpy())}
    x = x.mT + w["position_encodings/encodings"][: x.shape[2]]
    for k in range(4):
        x = _whisper_block(x, {n.split("/", 1)[1]: v for n, v in w.items() if f"layer_{k}/" in n})
        found[f"block {k + 1}"] = moments(x.mT.numpy())
    return found


def _whisper_block(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    def norm(part: str) -> torch.Tensor:
        return F.layer_norm(x, (512,), w[f"{part}/layer_norm/gamma"], w[f"{part}/layer_norm/beta"])

    def linear(rows: torch.Tensor, part: str) -> torch.Tensor:
        return F.linear(rows, w[f"{part}/weight"], w[f"{part}/bias"])

    parts = linear(norm("self_attention"), "self_attention/linear_0").chunk(3, -1)
    query, key, value = (part.view(*part.shape[:2], 8, 64).transpose(1, 2) for part in parts)
    mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    x = x + linear(mixed, "self_attention/linear_1")
    return x + linear(F.gelu(linear(norm("ffn"), "ffn/linear_0")), "ffn/linear_1")


ORACLES: dict[str, Callable[[bytes, NDArray[np.int16]], dict[str, Floats]]] = {
    "whisper-base": whisper,
    "plcmos": plcmos,
    "distillmos": distillmos,
}


def vectors(name: str, source: bytes, samples: NDArray[np.int16]) -> Floats:
    """All taps of an encoder in their order: float32 [n, width]."""
    with torch.inference_mode():
        found = ORACLES[name](source, samples)
    return np.concatenate([found[tap] for tap in sound.module_of(name).TAPS], 1)


def source_of(name: str, wheels: list[Path]) -> bytes:
    """The pinned source of an encoder."""
    return sound.read_source(SOUND[name], wheels)


def main(folder: Path) -> None:
    """Write each reference."""
    samples = voice()
    for name in SOUND:
        source = source_of(name, sorted(folder.glob("*.whl")))
        np.savez_compressed(
            PACKAGE / f"{name}.npz", samples=samples, vectors=vectors(name, source, samples)
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What the header of a sound file tells, for the null of a corpus; content is not decoded."""

import io

FEATURES = ("bytes", "seconds", "rate", "channels", "bytes_per_second", "container")
CONTAINERS = ("flac", "wav", "ogg", "mp3", "mov,mp4,m4a,3gp,3g2,mj2")


def header(content: bytes) -> list[float]:
    """One number for each of FEATURES, of a file that sound_encode wrote."""
    import av

    with av.open(io.BytesIO(content)) as file:
        stream = file.streams.audio[0]
        seconds = float((file.duration or 0) / av.time_base)
        facts = (seconds, stream.rate, stream.channels, len(content) / max(seconds, 1e-3))
        container = CONTAINERS.index(file.format.name)
    return [float(fact) for fact in (len(content), *facts, container)]

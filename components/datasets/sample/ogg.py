"""Write Ogg Vorbis files whose bytes depend on their sound alone.

libsndfile draws a random serial number for each Ogg stream, so the same sound would hash differently each time, and DVC would call it new.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def write_ogg(path: Path, sound: NDArray[np.float32], sample_rate: int, serial: int = 1) -> None:
    """Write [channel, time] as Ogg Vorbis at the highest compression, with a given stream serial number."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, len(sound), format="OGG", subtype="VORBIS", compression_level=1.0) as file:
        for start in range(0, sound.shape[1], sample_rate):  # libsndfile's encoder puts each write on its stack
            file.write(np.ascontiguousarray(sound[:, start : start + sample_rate].T))
    path.write_bytes(with_serial(buffer.getvalue(), serial))


def with_serial(stream: bytes, serial: int) -> bytes:
    """Set the serial number of each page of an Ogg stream and its checksum (RFC 3533, section 6).

    Raises:
        ValueError: where a page does not begin with "OggS".
    """
    pages: list[bytes] = []
    start = 0
    while start < len(stream):
        if stream[start : start + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {start}")
        segments = stream[start + 26]
        end = start + 27 + segments + sum(stream[start + 27 : start + 27 + segments])
        page = bytearray(stream[start:end])
        page[14:18] = struct.pack("<I", serial)
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", checksum(bytes(page)))
        pages.append(bytes(page))
        start = end
    return b"".join(pages)


def checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial with the bits of each byte the other way round, and no initial or final inversion."""
    mirrored = zlib.crc32(page.translate(REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)

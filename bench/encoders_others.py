"""PyAV's, imageio-ffmpeg's and MoviePy's side of `encoders.py`: float32 frames to an H.264 file; prints a line of JSON.

    python encoders_others.py pyav|imageio-ffmpeg|moviepy floats|codes FRAMES.npy COUNT CORES OUT.mp4

``floats`` are float32 RGB planes, which are turned into 8-bit RGB before the library gets them; ``codes`` were turned
before the clock starts. All get x264's preset veryfast, crf 18, and as many threads as there are cores.
"""

import importlib.metadata
import json
import resource
import sys
import time

import numpy as np

PRESET, CRF, FPS = "veryfast", "18", 30


def to_codes(frame):
    return np.ascontiguousarray((np.clip(frame, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8).transpose(1, 2, 0))


def pyav(frames, size, cores, path):
    import av

    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=FPS, options={"preset": PRESET, "crf": CRF, "threads": str(cores)})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        film.mux(stream.encode())


def imageio_ffmpeg(frames, size, cores, path):
    from imageio_ffmpeg import write_frames

    words = ["-preset", PRESET, "-crf", CRF, "-threads", str(cores)]
    writer = write_frames(path, size, fps=FPS, codec="libx264", quality=None, macro_block_size=1, output_params=words)
    writer.send(None)
    for frame in frames:
        writer.send(frame)
    writer.close()


def moviepy(frames, size, cores, path):
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    with FFMPEG_VideoWriter(path, size, FPS, "libx264", preset=PRESET, threads=cores, ffmpeg_params=["-crf", CRF],
                            pixel_format="yuv420p") as writer:  # fmt: skip
        for frame in frames:
            writer.write_frame(frame)


LIBRARIES = {
    "pyav": (pyav, "av"),
    "imageio-ffmpeg": (imageio_ffmpeg, "imageio-ffmpeg"),
    "moviepy": (moviepy, "moviepy"),
}


def clocks():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)])


if __name__ == "__main__":
    name, given, source, count, cores, out = sys.argv[1:]
    write, package = LIBRARIES[name]
    version = importlib.metadata.version(package)
    pool = np.load(source)
    size = pool.shape[3], pool.shape[2]
    ready = [to_codes(frame) for frame in pool] if given == "codes" else None
    write((to_codes(pool[k % len(pool)]) for k in range(4)), size, int(cores), out)  # imports, and the first pages
    makers = ((ready[k % len(pool)] if ready else to_codes(pool[k % len(pool)])) for k in range(int(count)))
    began = clocks()
    write(makers, size, int(cores), out)
    wall, cpu = clocks() - began
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "version": version}))

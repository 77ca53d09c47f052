"""OpenCV's and numpy's side of `lens.py`: one thread, float32, 1920x1080; prints one line of JSON.

    python lens_others.py opencv|numpy [TASK FRAMES]

Without a task it lists those that it knows, else it prints seconds per frame: wall clock and processor. OpenCV works on
interleaved colours as they are, and writes pictures; it neither turns them into light nor into codes, as n2s does, and
its maps are ready before the clock starts. numpy computes the map and a Catmull-Rom cubic in light of 16 places.
"""

import json
import sys
import time

import numpy as np

WIDTH, HEIGHT = 1920, 1080
TURN, ZOOM = np.deg2rad(20.0), 1.3


def grid():
    """The places of all pixels, in heights from the centre."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return (x + 0.5) / HEIGHT - WIDTH / HEIGHT / 2, (y + 0.5) / HEIGHT - 0.5


def camera(x, y):
    c, s = np.cos(TURN) / ZOOM, np.sin(TURN) / ZOOM
    return x * c + y * s + 0.1, y * c - x * s


def swirl(x, y):
    turn = np.deg2rad(60.0) * np.maximum(1 - (x * x + y * y) / 0.25, 0) ** 2
    c, s = np.cos(turn), np.sin(turn)
    return x * c + y * s, y * c - x * s


def ripple(x, y):
    d = np.sqrt(x * x + y * y)
    move = 0.012 * np.sin(2 * np.pi * (d / 0.15)) / (1 + d * d / 0.36) / np.sqrt(d * d + 0.0014)
    return x * (1 + move), y * (1 + move)


def barrel(x, y):
    zoom = (1 + 0.25 * (x * x + y * y) * (4 / (1 + (WIDTH / HEIGHT) ** 2))) / 1.25
    return x * zoom, y * zoom


def kaleidoscope(x, y):
    d, turns = np.sqrt(x * x + y * y), np.arctan2(y, x) / (2 * np.pi) * 6 + 0.5
    angle = np.abs(turns - np.floor(turns) - 0.5) / 6 * 2 * np.pi
    return d * np.cos(angle), d * np.sin(angle)


def mirrored(place, size):
    """A place in heights as pixels, taken back into a picture of a size by mirrors at its edges."""
    t = (place * HEIGHT + size / 2) / size
    t = t - 2 * np.floor(t / 2)
    return (np.minimum(t, 2 - t) * size - 0.5).astype(np.float32)


def pixels(*lenses):
    """The places that lenses tell, the last in the film first, in pixels."""
    x, y = grid()
    for lens in reversed(lenses):
        x, y = lens(x, y)
        x, y = (mirrored(x, WIDTH) + 0.5) / HEIGHT - WIDTH / HEIGHT / 2, (mirrored(y, HEIGHT) + 0.5) / HEIGHT - 0.5
    return mirrored(x, WIDTH), mirrored(y, HEIGHT)


def cubic(t):
    """The four weights of Catmull-Rom's cubic."""
    u = 1 - t
    return -0.5 * t * u * u, 1 + t * t * (1.5 * t - 2.5), 1 + u * u * (1.5 * u - 2.5), -0.5 * u * t * t


def numpy_tasks():
    picture = np.random.default_rng(0).random((3, HEIGHT, WIDTH), np.float32)

    def sampled(*lenses):
        light = picture * picture
        x, y = pixels(*lenses)
        left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        across, down = cubic(x - left), cubic(y - top)
        out = np.zeros_like(light)
        for i in range(4):
            rows = np.clip(top - 1 + i, 0, HEIGHT - 1)
            for j in range(4):
                columns = np.clip(left - 1 + j, 0, WIDTH - 1)
                out += light[:, rows, columns] * (down[i] * across[j])
        return np.sqrt(np.maximum(out, 0))

    five = (camera, swirl, ripple, barrel, kaleidoscope)
    return {"zoom": lambda: sampled(camera), "turned": lambda: sampled(camera), "five": lambda: sampled(*five)}


def opencv_tasks():
    import cv2

    cv2.setNumThreads(1)
    picture = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    planes = [np.ascontiguousarray(picture[..., c]) for c in range(3)]
    cubic_, reflect = cv2.INTER_CUBIC, cv2.BORDER_REFLECT
    turned, five = pixels(camera), pixels(camera, swirl, ripple, barrel, kaleidoscope)
    apart = [pixels(lambda x, y, side=side: (x * (1 + side * 0.006), y * (1 + side * 0.006))) for side in (-1, 0, 1)]
    past = [np.random.default_rng(k).random((HEIGHT, WIDTH, 3), np.float32) for k in range(12)]

    def zoom(by=ZOOM):
        matrix = np.float32([[1 / by, 0, WIDTH / 2 * (1 - 1 / by)], [0, 1 / by, HEIGHT / 2 * (1 - 1 / by)]])
        flags = cubic_ | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=reflect)

    def out():
        small = cv2.resize(picture, (768, 432), interpolation=cv2.INTER_AREA)
        return cv2.copyMakeBorder(small, 324, 324, 576, 576, cv2.BORDER_REFLECT)

    def shutter():
        total = np.zeros_like(picture)
        for k in range(8):
            cv2.accumulate(zoom(1.3 + 0.01 * k), total)
        return total / 8

    def bloom():
        bright = cv2.resize(np.maximum(picture - 0.7, 0), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        spread = sum(cv2.GaussianBlur(bright, (0, 0), sigma) for sigma in (4, 12, 36))
        return picture + cv2.resize(spread, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)

    def trails():
        total = picture.copy()
        for k, frame in enumerate(past):
            cv2.scaleAdd(frame, 0.8**k, total, total)
        return total

    return {
        "zoom": zoom,
        "turned": lambda: cv2.remap(picture, *turned, cubic_, borderMode=reflect),
        "five": lambda: cv2.remap(picture, *five, cubic_, borderMode=reflect),
        "out": out,
        "shutter": shutter,
        "chroma": lambda: [cv2.remap(p, *places, cubic_, borderMode=reflect) for p, places in zip(planes, apart)],
        "blur": lambda: cv2.GaussianBlur(picture, (0, 0), 0.01 * HEIGHT),
        "bloom": bloom,
        "trails": trails,
    }


def main():
    tasks = {"opencv": opencv_tasks, "numpy": numpy_tasks}[sys.argv[1]]()
    if len(sys.argv) == 2:
        print(json.dumps(list(tasks)))
        return
    task, count = tasks[sys.argv[2]], int(sys.argv[3])
    task()
    began = time.perf_counter(), time.process_time()
    for _ in range(count):
        task()
    print(json.dumps([(time.perf_counter() - began[0]) / count, (time.process_time() - began[1]) / count]))


if __name__ == "__main__":
    main()

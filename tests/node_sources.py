"""Sources of small node types, for packages that tests install."""

SHRINK = '''
class Shrink(Streamed):
    """Take twice the size and give every second pixel."""

    frames: Frames = port("what is shrunk")

    outputs = FRAMES_OUTPUT

    def input_size(self, size):
        return 2 * size[0], 2 * size[1]

    def compute(self, block, frames):
        assert frames.shape[2:] == (2 * block.size[1], 2 * block.size[0])
        return np.ascontiguousarray(frames[:, :, ::2, ::2])
'''

GLOW = '''
class Around(Filter):
    """Show the light around each place."""

    frames: Frames = port("what glows")
    radius: Param = param(0.05, ge=0, le=0.5, help="how far it glows")

    def spread(self, radius):
        return Gaussians(radius[:, None], np.ones((len(radius), 1), np.float32))

    @staticmethod
    def pixel(rgb, soft, at):
        return soft[0], soft[1], soft[2]
'''

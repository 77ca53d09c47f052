"""Who renders a film's chunks: threads of this process, other processes, or what an installed package brings."""

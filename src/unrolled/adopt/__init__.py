"""torch's own recurrent networks: turned into layers and back, or run on our kernels as they are."""

from unrolled.adopt.accelerate import accelerate as accelerate
from unrolled.adopt.accelerate import restore as restore
from unrolled.adopt.layers import from_torch as from_torch
from unrolled.adopt.layers import to_torch as to_torch

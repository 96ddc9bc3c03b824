"""Ten thousand kernels and an outage of an hour: `python -m tests.simulation [SVG]` prints the figures, and draws them.

It takes about a minute, and each run gives the same figures.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from .kernels import simulate
from .service import EXCHANGE, QUOTAS, TOKEN, CognitoModel

KERNELS, CALLERS, SEED = 10_000, 0.1, 14
OUTAGE = (600.0, 4200.0)
END = 8400.0
STEP = 20.0
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 380, 50, 20, 70, 50
_MOST = 220.0
# The colours of docs/benchmarks.svg.
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.quiet { fill: #59636e }
.middle { text-anchor: middle }
.end { text-anchor: end }
.token, .exchange, .quota, .axis { fill: none; stroke-width: 1.5 }
.token { stroke: #0969da } .exchange { stroke: #bc4c00 } .axis { stroke: #818b98 }
.quota { stroke-dasharray: 6 4 }
text.token { fill: #0969da; stroke: none } text.exchange { fill: #bc4c00; stroke: none }
.outage { fill: #818b98; fill-opacity: 0.15 }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .token { stroke: #4493f8 } .exchange { stroke: #f0883e } .axis { stroke: #656c76 }
  text.token { fill: #4493f8 } text.exchange { fill: #f0883e }
  .paper { fill: #0d1117 }
}
"""


def main() -> None:
    """Runs the simulation."""
    model = CognitoModel(OUTAGE)
    shares = list(simulate(model, KERNELS, END, callers=CALLERS, seed=SEED))
    for operation in QUOTAS:
        requests = model.requests[operation]
        exceeded = [second for second, count in requests.items() if count > model.quota(operation)]
        print(
            f"{operation}: at most {max(requests.values())} requests in a second, quota {model.quota(operation):g};"
            f" exceeded in {len(exceeded)} seconds, twice in a row {len(list(model.exceeded_twice(operation)))} times"
        )
    end = int(OUTAGE[1] // 60)
    for minutes in range(7):
        print(f"{minutes} minutes after the outage {shares[end + minutes]:.1%} have credentials")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(chart_of(model), encoding="utf-8")


def chart_of(model: CognitoModel) -> str:
    """Returns the requests per second over time, as SVG."""
    left, right, top, bottom = _x(OUTAGE[0]), _x(OUTAGE[1]), _y(_MOST), _y(0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Requests per second of ten thousand kernels before, during and after an outage of an hour</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="title" x="12" y="24">Requests per second of {KERNELS:,} kernels, in steps of {STEP:g} s</text>',
        f'<path class="outage" d="M {left:.1f} {bottom:.1f} V {top:.1f} H {right:.1f} V {bottom:.1f}"/>',
        f'<text class="quiet middle" x="{_x(sum(OUTAGE) / 2):.1f}" y="{_y(_MOST) - 6:.1f}">Cognito is down</text>',
        f'<path class="axis" d="M {_x(0)} {_y(_MOST):.1f} V {_y(0):.1f} H {_x(END):.1f}"/>',
    ]
    for operation, name, label in (
        (TOKEN, "token", "the token endpoint"),
        (EXCHANGE, "exchange", "GetCredentialsForIdentity"),
    ):
        quota = model.quota(operation)
        parts += [
            f'<path class="{name} quota" d="M {_x(0)} {_y(quota):.1f} H {_x(END):.1f}"/>',
            f'<text class="{name} end" x="{_x(END):.1f}" y="{_y(quota) - 5:.1f}">quota of {label}</text>',
            f'<path class="{name}" d="{_path(model.rates(operation, STEP))}"/>',
        ]
    for minutes in range(0, int(END // 60) + 1, 10):
        parts.append(f'<text class="quiet middle" x="{_x(minutes * 60):.1f}" y="{_y(0) + 18:.1f}">{minutes} min</text>')
    for rate in (0, 50, 100, 150, 200):
        parts.append(f'<text class="quiet end" x="{_LEFT - 6}" y="{_y(rate) + 4:.1f}">{rate}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _path(rates: Mapping[float, float]) -> str:
    steps = [index * STEP for index in range(int(END // STEP))]
    points = [f"{_x(time + STEP / 2):.1f} {_y(rates.get(time, 0.0)):.1f}" for time in steps]
    return "M " + " L ".join(points)


def _x(time: float) -> float:
    return _LEFT + time / END * (_WIDTH - _LEFT - _RIGHT)


def _y(rate: float) -> float:
    return _HEIGHT - _BOTTOM - rate / _MOST * (_HEIGHT - _TOP - _BOTTOM)


if __name__ == "__main__":
    main()

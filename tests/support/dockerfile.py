"""Runs a Dockerfile where there is no Docker: each stage in a clean Debian of its own.

FROM is the smallest Debian, RUN and COPY are done as they are written. What this does not know is refused, so
that nothing is left out.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.clean_root import CleanRoot, clean_root

SOURCE = "/srv/context"
BASES = ("debian:trixie-slim",)


@dataclass
class Image:
    """What a stage has become, and how its processes are started."""

    root: CleanRoot
    environ: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)

    def command(self, *arguments: str, **environ: str) -> list[str]:
        """The command line of a container: the image's user, a read-only root, no capabilities, and memory at
        /tmp and /run.
        """
        start = "\n".join(
            (
                "set -e",
                "mount -t tmpfs -o mode=1777 tmp /tmp",
                f"mount -t tmpfs -o mode=0700,uid={self._user} keys /run",
                "mount -o remount,bind,ro /",
                'exec "$@"',
            )
        )
        user, _, group = self.user.partition(":")
        drop = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"]
        drop += ["--bounding-set=-all", "--inh-caps=-all"]
        settings = [f"{name}={value}" for name, value in {**self.environ, **environ}.items()]
        inside = ["unshare", "--mount", "sh", "-c", start, "container", *drop]
        return self.root.command(*inside, "env", "--ignore-environment", *settings, *arguments)

    @property
    def _user(self) -> str:
        return self.user.partition(":")[0]


def instructions(path: Path) -> list[tuple[str, str]]:
    """Each instruction with its argument, in one line."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.split("\n") if line)
    ]


@contextmanager
def built(path: Path, folder: Path) -> Iterator[Image]:
    """The image of the last stage, while the block runs."""
    stages: dict[str, Image] = {}
    arguments: dict[str, str] = {}
    image = None
    with ExitStack() as stack:
        for name, rest in instructions(path):
            if name == "ARG":
                key, _, value = rest.partition("=")
                arguments[key] = value
            elif name == "FROM":
                base, *alias = rest.split()
                assert arguments.get(base.strip("${}"), base) in BASES, rest
                here = folder / str(len(stages))
                here.mkdir()
                image = Image(stack.enter_context(clean_root(here)))
                stages[alias[-1] if alias else ""] = image
            else:
                assert image is not None
                _do(name, rest, image, stages)
        assert image is not None
        yield image


def _do(name: str, rest: str, image: Image, stages: dict[str, Image]) -> None:
    if name == "RUN":
        settings = " ".join(f"{key}={shlex.quote(value)}" for key, value in image.environ.items())
        exported = f"export {settings}\n" if settings else ""
        image.root.run("sh", "-e", stdin=f"{exported}cd {image.folder}\n{rest}", network=True)
    elif name == "COPY":
        _copy(rest.split(), image, stages)
    elif name == "WORKDIR":
        image.folder = rest
        image.root.run("mkdir", "-p", rest)
    elif name == "ENV":
        image.environ |= dict(one.split("=", 1) for one in shlex.split(rest))
    elif name == "USER":
        image.user = rest
    elif name in {"ENTRYPOINT", "CMD"}:
        if name == "ENTRYPOINT":
            image.entrypoint = re.findall(r'"([^"]+)"', rest)
    else:
        assert name == "EXPOSE", f"{name} is not known here"


def _copy(words: list[str], image: Image, stages: dict[str, Image]) -> None:
    if words[0].startswith("--from="):
        source, target = words[1:]
        assert source == target, words
        other = stages[words[0].partition("=")[2]].root
        packed = subprocess.run(other.command("tar", "--create", source), capture_output=True, check=True)
        unpack = image.root.command("tar", "--extract", "--directory", "/")
        subprocess.run(unpack, input=packed.stdout, check=True, capture_output=True)
        return
    *sources, target = words
    image.root.copy_tree(SOURCE)
    # A folder's content is copied into the target; files are copied below it.
    for source in sources:
        path = f"{SOURCE}/{source}"
        image.root.shell(
            f"if [ -d {path} ]; then mkdir -p {target}; cp -R {path}/. {target}/; "
            f"else mkdir -p {target}; cp {path} {target}/; fi",
            folder=image.folder,
        )
    image.root.run("rm", "-r", SOURCE)

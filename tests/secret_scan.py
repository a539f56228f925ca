"""`make audit`: looks through every file of the repository for keys and passwords that belong to somebody.

The kinds are detect-secrets' own, by their shape: keys of carriers, gateways and clouds, private keys,
passwords in URLs. Nothing is tried at whoever issued it. It ends with 1 where something is found.
"""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[1]
KINDS = (
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
SETTINGS = {
    "plugins_used": [{"name": kind} for kind in KINDS],
    "filters_used": [
        {"path": f"detect_secrets.filters.heuristic.{name}"}
        for name in ("is_prefixed_with_dollar_sign", "is_templated_secret")
    ],
}
PUBLIC = frozenset(
    {
        "AC00000000000000000000000000000000",
        "AC0123456789abcdef0123456789abcdef",
        "db-pass",
        "hunter2",
        "pa55",
        "pa55-word",
        "pass",
        "pass%40word",
        "password",
        "sk_live_51PbCx0Qz7mYtW9rKv3eHn6d",
        "word",
    }
)
"""What tests and docs made up. Add to it only what was never anybody's."""
HASHES_ONLY = ("requirements/", "tests/node/package-lock.json")


def found_in(path: str) -> list[str]:
    with transient_settings(SETTINGS):
        secrets = scan_file(str(ROOT / path))
        return [
            f"{path}:{one.line_number}: {one.type}" for one in secrets if not _is_public(one.secret_value)
        ]


def _is_public(value: str | None) -> bool:
    return value is None or len(value) == 1 or value in PUBLIC


def main() -> int:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [path for path in listed.splitlines() if not path.startswith(HASHES_ONLY)]
    with ProcessPoolExecutor() as pool:
        found = [line for lines in pool.map(found_in, paths, chunksize=50) for line in lines]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

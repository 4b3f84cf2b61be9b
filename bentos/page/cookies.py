"""The page's cookies, read by their own alphabet: how Python reads those of a stranger may take seconds (CVE-2024-7592)."""

import re
from collections.abc import Mapping

KEY, REVIEWER = "timbre_key", "timbre_reviewer"  # whose, and which browser
_OURS = re.compile(rf"(?:^|;)[ \t]*({KEY}|{REVIEWER})=([A-Za-z0-9_-]+)[ \t]*(?=;|$)")


def cookies(headers: Mapping[str, str]) -> dict[str, str]:
    """name -> value of those that are ours."""
    return dict(_OURS.findall(headers.get("cookie", "")))


def header(ours: Mapping[str, str]) -> bytes:
    """What a browser sends that has these alone."""
    return "; ".join(f"{name}={value}" for name, value in ours.items()).encode()

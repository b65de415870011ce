"""Asks a Verascope service about a picture's address."""

import json
import os
import urllib.error
import urllib.request

URL, KEY = "VERASCOPE_URL", "VERASCOPE_KEY"
UNJUDGED = -1.0
TIMEOUT_S = 40.0


def score(picture: str) -> float:
    """The calibrated score of a picture, 0 to 1; UNJUDGED where there is none.

    Raises:
        OSError: the service did not answer.
    """
    request = urllib.request.Request(
        os.environ[URL].rstrip("/") + "/v1/scan",
        data=json.dumps({"url": picture}).encode(),
        headers={
            "Authorization": f"Bearer {os.environ[KEY]}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            found = json.load(answer)["score"]
    except urllib.error.HTTPError as error:
        if error.code == 422:  # the address may not be asked, or nothing is there
            return UNJUDGED
        raise
    return UNJUDGED if found is None else float(found)

"""What is typed into the connect form: secrets and keys of the forms that the services have."""

from __future__ import annotations

import base64
import json

VARIABLES = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "MOMENTO_API_KEY", "MOMENTO_ENDPOINT")
SECRET = "VerySecretTokenOfThisTest"


def encoded(claims: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


V2_KEY = f"{encoded({'alg': 'x'})}.{encoded({'t': 'g'})}.{SECRET}"


def key_for(endpoint: str) -> str:
    """A key of Momento's oldest form, which names its own endpoints."""
    claims = {"cp": endpoint, "c": endpoint}
    return f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}.{encoded({'key': SECRET})}"

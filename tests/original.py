"""The original classes, from the archived package, to compare with."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # langchain_community says at import that it is being sunset.
    warnings.simplefilter("ignore", DeprecationWarning)
    from langchain_community.chat_message_histories import (
        MomentoChatMessageHistory as OriginalMomento,
    )
    from langchain_community.chat_message_histories import (
        UpstashRedisChatMessageHistory as OriginalUpstash,
    )

__all__ = ["OriginalMomento", "OriginalUpstash"]

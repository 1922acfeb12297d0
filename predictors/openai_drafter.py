"""OpenAIDrafter: asks a language model behind any OpenAI-compatible endpoint for the next calls.

Drafting discloses the session to that endpoint: what the user typed, what the model said, arguments (but
sensitive ones) and results. Choose the endpoint accordingly.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from predictors.draft_prompt import messages
from predictors.draft_reply import Guess, Reply, read_reply, read_usage
from predictors.recent import call_key
from speculate.errors import MissingExtra
from speculate.history import History
from speculate.prediction import Prediction
from speculate.spec import ToolSpec

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

_MAX_REPLY_BYTES = 1_000_000


class _Failure(Exception):
    """A request came to nothing, for a reason that is counted."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class OpenAIDrafter:
    """A drafter that costs tokens and seconds; it fails soft: no guess is made, and why is counted.

    model, base_url: as in `{base_url}/chat/completions`. api_key: sent as a bearer token; never read from the
    environment, never logged. timeout_s: for the whole request. max_tokens: of the answer. tools: schemas in the
    API's own form, sent along; guesses of other tools are then dropped. specs: whose `sensitive` arguments are left
    out of the prompt, and guesses of arguments that are so are dropped. probabilities: p_next of the first, second …
    guess (the last counts for the rest) where the endpoint gives no log probabilities; `logprobs` asks for them.
    cost_in_per_1k, cost_out_per_1k: the price of a thousand tokens; `budget`: once `spent` has reached it, nothing
    is asked. prompt_characters: the most of the session that is sent, latest events first. extra: more fields of
    the request's body. client: an httpx.AsyncClient of your own, which you close yourself.

    Counted: `requests`, `tokens_in`, `tokens_out`, `spent`, `guesses`, and `failures` by reason: "timeout",
    "connection", "status 429", "malformed", "too-large", "rejected" (a guess that was no call), "unmetered" (an
    answer without its usage), "budget", "cancelled" (the session moved on first; the endpoint may bill it all
    the same).
    """

    name = "openai"

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        timeout_s: float = 20.0,
        max_tokens: int = 512,
        temperature: float | None = 0.0,
        tools: Sequence[Mapping[str, Any]] = (),
        specs: Mapping[str, ToolSpec] | None = None,
        probabilities: Sequence[float] = (0.3, 0.15, 0.08),
        logprobs: bool = False,
        cost_in_per_1k: float = 0.0,
        cost_out_per_1k: float = 0.0,
        budget: float | None = None,
        prompt_characters: int = 24_000,
        extra: Mapping[str, Any] | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise MissingExtra("httpx", "draft", "OpenAIDrafter") from error
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must start with http:// or https://, not {base_url!r}")
        if not probabilities or not all(0 <= p <= 1 for p in probabilities):
            raise ValueError("probabilities must be numbers from 0 to 1, at least one")
        sizes = {"timeout_s": timeout_s, "max_tokens": max_tokens, "prompt_characters": prompt_characters}
        for name, value in sizes.items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be a finite number above 0, not {value!r}")
        for name, value in {"cost_in_per_1k": cost_in_per_1k, "cost_out_per_1k": cost_out_per_1k}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
        self._httpx = httpx
        self.model, self.timeout_s = model, timeout_s
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._specs = specs or {}
        self._tool_names = frozenset(str(tool["function"]["name"]) for tool in tools)
        self._probabilities = tuple(probabilities)
        self._cost_in, self._cost_out, self._budget = cost_in_per_1k / 1000, cost_out_per_1k / 1000, budget
        self._prompt_characters = prompt_characters
        self._body: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
        if temperature is not None:
            self._body["temperature"] = temperature
        if tools:
            self._body["tools"] = [dict(tool) for tool in tools]
        if logprobs:
            self._body["logprobs"] = True
        self._body.update(extra or {})
        json.dumps(self._body)  # raises TypeError now rather than at every draft
        self._client, self._owns_client = client, client is None
        self.requests = self.tokens_in = self.tokens_out = self.guesses = 0
        self.spent = 0.0
        self.failures: Counter[str] = Counter()

    async def draft(self, history: History, limit: int) -> Sequence[Prediction]:
        """The model's guesses, best first; [] if there are none, for whatever reason. Raises only CancelledError."""
        if limit < 1:
            return []
        if self._budget is not None and self.spent >= self._budget:
            self.failures["budget"] += 1
            return []
        body = {**self._body, "messages": messages(history, limit, self._specs, self._prompt_characters)}
        reply = await self._ask(body)
        return [] if reply is None else self._predictions(reply, limit)

    async def _ask(self, body: Mapping[str, Any]) -> Reply | None:
        """One request, metered. None if it failed."""
        self.requests += 1
        data = json.dumps(body, ensure_ascii=True).encode("ascii")  # lone surrogates in a history stay escaped
        try:
            async with asyncio.timeout(self.timeout_s):  # httpx's own limits each read, not the whole request
                status, content = await self._post(data)
            if status != 200:
                raise _Failure(f"status {status}", f"HTTP status {status}")
            document = json.loads(content)
            self._meter(document)
            return read_reply(document)
        except TimeoutError:
            self._failed("timeout", f"no answer within {self.timeout_s:g} s")
        except asyncio.CancelledError:
            self.failures["cancelled"] += 1
            raise
        except (self._httpx.HTTPError, self._httpx.InvalidURL, OSError) as error:
            self._failed("connection", f"{type(error).__name__}: {error}")
        except _Failure as failure:
            self._failed(failure.reason, str(failure))
        except (ValueError, RecursionError) as error:
            self._failed("malformed", str(error))
        return None

    async def _post(self, data: bytes) -> tuple[int, bytes]:
        """Status and body. Raises _Failure for a body beyond all reason."""
        if self._client is None:
            self._client = self._httpx.AsyncClient(timeout=self.timeout_s)
        headers = {"Content-Type": "application/json", **self._headers}
        async with self._client.stream("POST", self._url, content=data, headers=headers) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MAX_REPLY_BYTES:
                    raise _Failure("too-large", f"the answer has more than {_MAX_REPLY_BYTES} bytes")
            return response.status_code, bytes(content)

    def _meter(self, document: Any) -> None:
        """Count what an answer cost, also one that turns out to be of no use."""
        usage = read_usage(document)
        if usage is None:
            self.failures["unmetered"] += 1
            return
        tokens_in, tokens_out = usage
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out
        self.spent += tokens_in * self._cost_in + tokens_out * self._cost_out

    def _failed(self, reason: str, detail: str) -> None:
        self.failures[reason] += 1
        if self.failures[reason] == 1:  # the rest is counted: an endpoint that is down shall not fill the log
            _log.warning("drafting with %s failed (said once): %s", self.model, detail)

    def _predictions(self, reply: Reply, limit: int) -> list[Prediction]:
        if reply.rejected:
            self.failures["rejected"] += reply.rejected
        distinct: dict[str, Guess] = {}
        for guess in reply.guesses:
            key = call_key(guess.tool, guess.arguments)
            spec = self._specs.get(guess.tool)
            hidden = spec.sensitive_arguments() if spec is not None else frozenset()
            unknown = bool(self._tool_names) and guess.tool not in self._tool_names
            if key is None or unknown or not hidden.isdisjoint(guess.arguments):
                self.failures["rejected"] += 1
            else:
                distinct.setdefault(key, guess)
        predictions = []
        for rank, guess in enumerate(distinct.values()):
            p = guess.p if guess.p is not None else self._probabilities[min(rank, len(self._probabilities) - 1)]
            # No sources: nobody knows where a model took a value from, so the gate must assume the worst.
            predictions.append(Prediction(guess.tool, dict(guess.arguments), p, p, {}, self.name))
        predictions.sort(key=lambda each: -each.p_next)
        self.guesses += len(predictions[:limit])
        return predictions[:limit]

    async def aclose(self) -> None:
        """Close the connections. A client that was passed in is left open."""
        if self._owns_client and self._client is not None:
            await self._client.aclose()
            self._client = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        failed = sum(self.failures.values())
        return f"<OpenAIDrafter {self.model!r}: {self.requests} requests, {failed} failures, {self.spent:.4f} spent>"

"""Messages as a program keeps them that uses the real Anthropic client, against a scripted server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
from anthropic import Anthropic

from tests.importers.real import scenario


def _reply(request: Any) -> Any:
    number = sum(message["role"] == "assistant" for message in json.loads(request.content)["messages"])
    text = (scenario.FIRST_TEXT, "", scenario.LAST_TEXT)[number]
    calls = scenario.TURNS[number]
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": id, "name": name, "input": arguments} for id, name, arguments in calls]
    body = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "fake-model",
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 10},
    }
    return httpx2.Response(200, json=body)


def produce(folder: Path) -> Path:
    messages: list[Any] = [{"role": "user", "content": scenario.USER}]
    transport = httpx2.MockTransport(_reply)
    with Anthropic(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        for _ in scenario.TURNS:
            reply = client.messages.create(model="fake-model", max_tokens=100, messages=messages)
            messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in reply.content]})
            results = []
            for block in reply.content:
                if block.type == "tool_use":
                    answer: dict[str, Any] = {"type": "tool_result", "tool_use_id": block.id}
                    try:
                        answer["content"] = json.dumps(getattr(scenario, block.name)(**block.input))
                    except scenario.Shipped as error:
                        answer |= {"content": str(error), "is_error": True}
                    results.append(answer)
            if results:
                messages.append({"role": "user", "content": results})
    path = folder / "anthropic.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return path

"""Chat messages as a program keeps them that uses the real OpenAI client, against a scripted server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

from tests.importers.real import scenario


def _reply(request: Any) -> Any:
    number = sum(message["role"] == "assistant" for message in json.loads(request.content)["messages"])
    text = (scenario.FIRST_TEXT, None, scenario.LAST_TEXT)[number]
    calls = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for id, name, arguments in scenario.TURNS[number]
    ]
    message = {"role": "assistant", "content": text, "refusal": None, **({"tool_calls": calls} if calls else {})}
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "fake-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    return httpx2.Response(200, json=body)


def produce(folder: Path) -> Path:
    transport = httpx2.MockTransport(_reply)
    messages: list[Any] = [
        {"role": "system", "content": "You run a shop."},
        {"role": "user", "content": scenario.USER},
    ]
    with OpenAI(api_key="none", http_client=httpx2.Client(transport=transport)) as client:
        for calls in scenario.TURNS:
            reply = client.chat.completions.create(model="fake-model", messages=messages).choices[0].message
            messages.append(reply.model_dump(exclude_none=True))
            assert len(reply.tool_calls or ()) == len(calls)
            for call in reply.tool_calls or ():
                assert call.type == "function"
                try:
                    result = getattr(scenario, call.function.name)(**json.loads(call.function.arguments))
                except scenario.Shipped as error:
                    result = {"error": str(error)}
                messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    path = folder / "openai.json"
    path.write_text(json.dumps({"id": "conversation-1", "model": "fake-model", "messages": messages}, indent=1))
    return path

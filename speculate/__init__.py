"""Speculative tool execution for LLM agents."""

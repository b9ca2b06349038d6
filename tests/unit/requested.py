"""The keywords of `multirun` as a call gives them, and what is found wrong with them."""

from typing import Any

from multirun.request import Inspector, Request

MINIMAL: dict[str, Any] = {
    "runs": [{"x": 1}],
    "cmd": ["true"],
    "input_files": None,
    "output_path": None,
    "env": None,
    "timeout": None,
    "grace": 5.0,
    "success_codes": (0,),
    "required_results": False,
    "required_files": (),
    "results": None,
    "threads_per_run": None,
    "name": None,
    "on_result": None,
    "stdin": None,
    "shell": False,
    "max_output": None,
    "nice": None,
    "first_alone": False,
    "resume": False,
    "accept_changes": False,
    "keep_directory": False,
    "retries": 0,
    "retry_if": None,
    "retry_delay": 1.0,
    "infrastructure_retries": 3,
    "max_failures": None,
    "max_same_failures": None,
    "skip_if": None,
    "durability": "process",
    "keep_attempts": None,
}


def inspect(**given: Any) -> tuple[Request, list[str]]:
    inspector = Inspector()
    request = inspector.request(**(MINIMAL | given))
    return request, inspector.mistakes

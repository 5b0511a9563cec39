"""The committed files of the environments, as the engine hands them over."""

import json
from pathlib import Path
from typing import Any

import yaml

from stacks.environment import Environment, parse_environment

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "seawall:database_password"


def file_of(stack: str) -> dict[str, Any]:
    """A committed file, with the secret in the clear."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {**config, PASSWORD: "correct-horse-battery"}


def parsed(config: dict[str, Any], stack: str = "dev") -> Environment:
    """The environment that a file, changed or not, describes."""
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return parse_environment(text, stack=stack, secrets=[PASSWORD])

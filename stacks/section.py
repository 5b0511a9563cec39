"""The base of every section of `Pulumi.<env>.yaml`."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Part of the file: no key beyond those declared, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

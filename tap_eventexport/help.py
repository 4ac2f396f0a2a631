"""What `--help` and `--about` of the tap say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tap_eventexport.schema_errors import expectation, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.about import AboutInfo

HELP = """\
Reads the event history of Dfinery, HappyTalk, Croct, Infobip and Naver Cloud API Gateway, and
writes it to stdout as Singer messages, for any loader.

A run reads each vendor whose credential is set, from the STATE of the last run on; a first run
begins at the setting start_date, by default 30 days ago. The log goes to stderr; at a terminal, a
table there shows how far each stream is.
"""
EPILOG = """\
Examples:

\b
  tap-eventexport --config=ENV --test
  tap-eventexport --config=ENV | target-eventexport > states.jsonl
  tail -n 1 states.jsonl > state.json
  tap-eventexport --config=ENV --state state.json |
    target-eventexport >> states.jsonl

Exit codes: 0 if all selected streams are complete; 1 if a setting is wrong or a stream failed;
130 and 143 after SIGINT and SIGTERM; 141 if the loader ended first.
"""
OPTIONS = {
    "version": "Print the version.",
    "about": "Print what the tap can do, and its settings with their defaults.",
    "about_format": "The form of --about, if not plain text.",
    "config": "Settings: a JSON file, or ENV for the environment variables "
    "TAP_EVENTEXPORT_<SETTING> and those in a .env file, here or in a folder above. May be "
    "repeated: a later file counts more than an earlier one, and ENV more than all files.",
    "discover": "Print the catalog of the configured vendors' streams.",
    "test": "Send one cheap request to each configured vendor, and say of every vendor if the "
    "connection works; no export is started, and no record is read. --test=schema writes the "
    "SCHEMA messages instead, and sends no request.",
    "catalog": "A catalog that selects streams and columns. Without it, all streams are read but "
    "those of personal data, croct_users and dfinery_user_profiles.",
    "state": "The STATE of the last run: the last line that the loader printed; - is stdin. "
    "Without it, all is read from start_date on.",
}
NONE = {"null", "[]", "{}"}  # defaults that say nothing
METAVARS = {"config": "FILE|ENV", "catalog": "FILE", "state": "FILE", "test": "[all|schema]"}


def describe_command(command: click.Command) -> None:
    """Replace the SDK's texts of a command and its options."""
    command.help, command.epilog = HELP, EPILOG
    for option in command.params:
        if isinstance(option, click.Option) and option.name in OPTIONS:
            option.help = OPTIONS[option.name]
            option.metavar = METAVARS.get(option.name, option.metavar)


def about_text(about: AboutInfo, blocks: Mapping[str, Iterable[str]]) -> str:
    """Return what the tap can do, and its settings, as text.

    Args:
        about: What the SDK knows of the tap.
        blocks: The names of settings, by the heading above them; others are the SDK's.
    """
    made = click.HelpFormatter(max_width=100)
    made.write_text(f"{about.name} {about.version}, singer-sdk {about.sdk_version}")
    made.write_paragraph()
    made.write_text(" ".join((about.description or "").split()))
    made.write_paragraph()
    made.write_text(f"Python: {', '.join(about.supported_python_versions or ())}")
    made.write_text(f"Capabilities: {', '.join(each.value for each in about.capabilities)}")
    settings = about.settings["properties"]
    others = settings.keys() - {name for names in blocks.values() for name in names}
    parts = {**blocks, "Of every tap of the SDK": [name for name in settings if name in others]}
    made.write_paragraph()
    made.write_text(
        "A setting is a key of a file for --config, or, with --config=ENV, an environment variable "
        f"such as {about.env_var_prefix}{next(iter(settings)).upper()}; lists and objects are JSON "
        "there."
    )
    for heading, names in parts.items():
        with made.section(heading):
            made.write_dl([(name, " ".join(_meaning(settings[name]))) for name in names])
    return made.getvalue().rstrip()


def _meaning(setting: Mapping[str, Any]) -> Iterator[str]:
    yield " ".join(setting.get("description", "").split())
    kind = "secret" if is_secret(setting) else expectation(setting).partition(" such as ")[0]
    default = json.dumps(setting.get("default")).strip('"')
    yield f"[{kind}]" if default in NONE else f"[{kind}; default: {default}]"

"""What `--help` and `--about` of the loader say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from target_eventexport.checks import expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.about import AboutInfo

HELP = """\
Loads Singer messages from stdin into PostgreSQL, a DuckDB file, or Parquet files in a folder or in
S3: those of tap-eventexport, or of any other tap.

Rows are upserted by the primary key. A STATE is printed to stdout only after the commit of all that
came before it; the last line is the STATE to start the next run from.
"""
EPILOG = """\
Examples:

\b
  tap-eventexport --config=ENV | target-eventexport > states.jsonl
  tap-eventexport --config=tap.json | target-eventexport --config=target.json
  target-eventexport --config=target.json --input messages.jsonl

Exit codes: 0 if all is loaded; 1 if a setting is wrong, or a record or the destination can't be
used; 130 and 143 after SIGINT and SIGTERM. Whatever happens, what was told by a STATE is loaded.
"""
OPTIONS = {
    "version": "Print the version.",
    "about": "Print what the loader can do, and its settings with their defaults.",
    "about_format": "The form of --about, if not plain text.",
    "config": "Settings: a JSON file, or ENV for the environment variables "
    "TARGET_EVENTEXPORT_<SETTING> and those in a .env file, here or in a folder above, which are "
    "read without --config, too. May be repeated: a later file counts more than an earlier one, "
    "and ENV more than all files.",
    "file_input": "A file of messages, instead of stdin.",
}
METAVARS = {"config": "FILE|ENV", "file_input": "FILE"}
NONE = {"null", "[]", "{}"}  # defaults that say nothing


def describe_command(command: click.Command) -> None:
    """Replace the SDK's texts of a command and its options."""
    command.help, command.epilog = HELP, EPILOG
    for option in command.params:
        if isinstance(option, click.Option) and option.name in OPTIONS:
            option.help = OPTIONS[option.name]
            option.metavar = METAVARS.get(option.name, option.metavar)


def about_text(about: AboutInfo, own: Iterable[str]) -> str:
    """Return what the loader can do, and its settings, as text.

    Args:
        about: What the SDK knows of the loader.
        own: The names of the loader's own settings; others are the SDK's.
    """
    made = click.HelpFormatter(max_width=100)
    made.write_text(f"{about.name} {about.version}, singer-sdk {about.sdk_version}")
    made.write_paragraph()
    made.write_text(about.description or "")
    made.write_paragraph()
    made.write_text(f"Python: {', '.join(about.supported_python_versions or ())}")
    made.write_text(f"Capabilities: {', '.join(each.value for each in about.capabilities)}")
    made.write_paragraph()
    made.write_text(
        "A setting is a key of a file for --config, or, without --config or with --config=ENV, an "
        f"environment variable such as {about.env_var_prefix}DESTINATION; lists and objects are "
        "JSON there."
    )
    settings = about.settings["properties"]
    others = [name for name in settings if name not in own]
    for heading, names in (("Settings", own), ("Of every loader of the SDK", others)):
        with made.section(heading):
            made.write_dl([(name, " ".join(_meaning(settings[name]))) for name in names])
    return made.getvalue().rstrip()


def _meaning(setting: Mapping[str, Any]) -> Iterator[str]:
    yield " ".join(setting.get("description", "").split())
    kind = "secret" if setting.get("secret") else expected(setting)
    default = json.dumps(setting.get("default")).strip('"')
    yield f"[{kind}]" if default in NONE else f"[{kind}; default: {default}]"

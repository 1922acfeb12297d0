"""Ready manifests: each loads, and each entry says what a reviewer of the real tool found."""

from __future__ import annotations

import pytest

from speculate.errors import ManifestError
from toolspecs import ready, ready_names

# tool: effect of a plain call, whether it may be launched, whether it may be repeated
REVIEWED = {
    "mcp-filesystem": {
        "read_file": ("read", True, True),
        "read_text_file": ("read", True, True),
        "read_media_file": ("read", True, True),
        "read_multiple_files": ("read", True, True),
        "list_directory": ("read", True, True),
        "list_directory_with_sizes": ("read", True, True),
        "directory_tree": ("read", True, True),
        "search_files": ("read", True, True),
        "get_file_info": ("read", True, True),
        "list_allowed_directories": ("read", True, True),
        "write_file": ("write", False, True),
        "edit_file": ("write", False, False),
        "create_directory": ("write", False, True),
        "move_file": ("write", False, False),
    },
    "mcp-git": {
        "git_status": ("read", False, True),
        "git_diff_unstaged": ("read", False, True),
        "git_diff": ("read", False, True),
        "git_diff_staged": ("read", True, True),
        "git_log": ("read", True, True),
        "git_show": ("read", True, True),
        "git_branch": ("read", True, True),
        "git_add": ("write", False, True),
        "git_reset": ("write", False, True),
        "git_commit": ("write", False, False),
        "git_create_branch": ("write", False, False),
        "git_checkout": ("write", False, False),
    },
    "mcp-fetch": {"fetch": ("read", True, True)},
    "mcp-memory": {
        "read_graph": ("read", True, True),
        "search_nodes": ("read", True, True),
        "open_nodes": ("read", True, True),
        "create_entities": ("write", False, False),
        "create_relations": ("write", False, False),
        "add_observations": ("write", False, False),
        "delete_entities": ("write", False, True),
        "delete_observations": ("write", False, True),
        "delete_relations": ("write", False, True),
    },
    "mcp-time": {"get_current_time": ("read", False, False), "convert_time": ("read", True, True)},
    "mcp-sequential-thinking": {"sequentialthinking": ("write", False, False)},
    "sql": {
        "sql": ("write", False, False),
        "execute_sql": ("write", False, False),
        "query": ("write", False, False),
        "read_query": ("write", False, False),
        "write_query": ("write", False, False),
        "create_table": ("write", False, False),
        "list_tables": ("read", True, True),
        "describe_table": ("read", True, True),
        "append_insight": ("write", False, False),
    },
    "shell": dict.fromkeys(("bash", "shell", "run_command", "execute_command"), ("write", False, False)),
}


def test_every_ready_manifest_is_reviewed():
    """A manifest nobody reviewed is not shipped, and no entry slips in unseen."""
    assert set(ready_names()) == set(REVIEWED)
    for name, tools in REVIEWED.items():
        assert set(ready(name)) == set(tools), name


@pytest.mark.parametrize(("name", "tool"), [(name, tool) for name, tools in REVIEWED.items() for tool in tools])
def test_an_entry_says_what_the_review_found(name, tool):
    """Effect, whether it may be launched, whether it may be repeated."""
    call = ready(name)[tool].resolve({})
    assert (call.effect.value, call.speculable, call.idempotent) == REVIEWED[name][tool]


def test_effects_that_hang_on_the_arguments():
    """A dry run, a query and a look are reads; what they are not, is a write."""
    edit = ready("mcp-filesystem")["edit_file"]
    assert edit.resolve({"path": "a", "dryRun": True}).speculable
    assert not edit.resolve({"path": "a", "dryRun": False}).speculable
    assert not edit.resolve({"path": "a", "dryRun": 1}).speculable
    for tool, argument in (("sql", "sql"), ("execute_sql", "sql"), ("query", "sql"), ("read_query", "query")):
        spec = ready("sql")[tool]
        assert spec.resolve({argument: "SELECT * FROM t"}).speculable
        assert not spec.resolve({argument: "SELECT 1; DROP TABLE t"}).speculable
    for spec in ready("shell").values():
        assert spec.resolve({"command": "ls | head"}).speculable
        assert not spec.resolve({"command": "ls > x"}).speculable


def test_what_changes_invalidates_what_reads():
    """Across servers that share a world: a checkout changes files, a shell command anything."""
    checkout = ready("mcp-git")["git_checkout"].resolve({"branch_name": "x"}).claims
    read = ready("mcp-filesystem")["read_file"].resolve({"path": "a"}).claims
    log = ready("mcp-git")["git_log"].resolve({}).claims
    command = ready("shell")["bash"].resolve({"command": "make"}).claims
    assert read.is_changed_by(checkout)
    assert log.is_changed_by(checkout)
    assert read.is_changed_by(command)
    assert ready("shell")["bash"].resolve({"command": "ls"}).claims.is_changed_by(checkout)
    memory = ready("mcp-memory")
    assert memory["read_graph"].resolve({}).claims.is_changed_by(memory["delete_entities"].resolve({}).claims)


def test_a_fetch_is_external_and_hostile():
    """Its arguments leave the house, and its results were written by strangers."""
    spec = ready("mcp-fetch")["fetch"]
    assert (spec.egress, spec.untrusted) == ("external", True)
    assert spec.key({"url": "HTTPS://Example.com"}) == spec.key({"url": "https://example.com/", "max_length": 5000})


def test_an_unknown_name_is_answered_with_the_known_ones():
    """The error lists what there is."""
    with pytest.raises(ManifestError, match="mcp-filesystem"):
        ready("filesystem")

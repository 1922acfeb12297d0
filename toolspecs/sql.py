"""Whether a SQL text is one statement that only reads. Fails closed: SQLite, PostgreSQL, MySQL and DuckDB alike.

A text is read-only if it is a single SELECT, VALUES, TABLE or WITH … SELECT (or EXPLAIN, without ANALYZE, of one; or
SHOW/DESCRIBE of a name), in which no word outside quotes can change anything, and in which every function called is
on a list: databases have functions that write (`setval`, `lo_unlink`, `load_extension`, `pg_terminate_backend`).

Dialects read quotes differently: a backslash escapes in MySQL and not elsewhere, `#` begins a comment in MySQL and is
an operator in PostgreSQL, `$$` quotes in PostgreSQL. A text whose meaning would hang on that is not understood.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARACTERS = 8192

_TOKEN = re.compile(
    r"""
    (?P<blank>(?:[ \t\n]|\r\n)+)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<string>'(?:[^'\\]|'')*')
  | (?P<quoted>"(?:[^"\\]|"")*"|`[A-Za-z0-9_ ]*`|\[[A-Za-z0-9_ ]+\])
  | (?P<comment>--(?:[ \t][^\r\n]*)?(?=\r?\n|\Z))
  | (?P<parameter>[:@][A-Za-z_][A-Za-z0-9_]*|\?[0-9]*|%s|\$[0-9]+)
  | (?P<cast>::)
  | (?P<sign>[(),.;=<>+*%|&~!^]|/(?!\*)|-(?!-))
    """,
    re.VERBOSE,
)

_BEGINNINGS = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
# Words that change something wherever they stand unquoted. As a column's name they must be quoted: a false "no".
_FORBIDDEN = frozenset(
    """
    INSERT UPDATE DELETE MERGE REPLACE UPSERT INTO CREATE ALTER DROP TRUNCATE GRANT REVOKE CALL DO EXEC EXECUTE COPY
    LOAD ATTACH DETACH VACUUM ANALYZE ANALYSE REINDEX PRAGMA SET RESET BEGIN COMMIT ROLLBACK SAVEPOINT RELEASE LOCK
    UNLOCK HANDLER IMPORT EXPORT INSTALL OUTFILE DUMPFILE SHARE NEXTVAL NEXT REFRESH CLUSTER COMMENT LISTEN NOTIFY
    PREPARE DEALLOCATE DECLARE FETCH MOVE KILL SHUTDOWN FLUSH PURGE RENAME USE PROCEDURE
    """.split()  # noqa: SIM905  # a list of words reads best as words
)
# Functions that only compute, and the words that may stand before "(" without being a function.
_FUNCTIONS = frozenset(
    """
    COUNT SUM AVG MIN MAX TOTAL ABS ROUND CEIL CEILING FLOOR POWER SQRT MOD SIGN LOG LN EXP GREATEST LEAST COALESCE
    IFNULL NULLIF IIF ISNULL LENGTH CHAR_LENGTH LOWER UPPER TRIM LTRIM RTRIM SUBSTR SUBSTRING INSTR POSITION CONCAT
    CONCAT_WS GROUP_CONCAT STRING_AGG ARRAY_AGG PRINTF FORMAT HEX CHAR UNICODE QUOTE TYPEOF CAST CONVERT EXTRACT
    DATE TIME DATETIME JULIANDAY STRFTIME DATE_TRUNC DATE_PART DATEDIFF DATE_FORMAT YEAR MONTH DAY HOUR MINUTE SECOND
    NOW CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP AGE TO_CHAR TO_DATE TO_NUMBER TO_TIMESTAMP LEFT RIGHT REVERSE LPAD
    RPAD REPEAT SPLIT_PART REGEXP_MATCHES JSON JSON_EXTRACT JSON_ARRAY JSON_OBJECT JSON_ARRAY_LENGTH JSON_TYPE
    JSON_VALID JSON_EACH JSON_TREE JSONB_ARRAY_ELEMENTS UNNEST GENERATE_SERIES ROW_NUMBER RANK DENSE_RANK NTILE LAG LEAD
    FIRST_VALUE LAST_VALUE NTH_VALUE PERCENT_RANK CUME_DIST BOOL_AND BOOL_OR STDDEV VARIANCE MEDIAN
    IN EXISTS ANY SOME ALL AND OR NOT AS ON USING OVER FILTER WHERE HAVING BY SELECT FROM JOIN VALUES WITH UNION EXCEPT
    INTERSECT DISTINCT CASE WHEN THEN ELSE BETWEEN LIKE LIMIT OFFSET INTERVAL ROW ARRAY PARTITION LATERAL WITHIN GROUP
    IS VARCHAR DECIMAL NUMERIC MATERIALIZED RECURSIVE GLOB
    """.split()  # noqa: SIM905  # a list of words reads best as words
)
_NAME_ONLY = frozenset({"SHOW", "DESCRIBE", "DESC"})


def is_read_only(statement: object) -> bool:
    """Whether `statement` is a text that certainly only reads. Never raises."""
    return why_not_read_only(statement) is None


def why_not_read_only(statement: object) -> str | None:
    """Why the text is taken for a write, in a few words, or None if it only reads."""
    if type(statement) is not str:
        return "not a string"
    if len(statement) > MAX_CHARACTERS:
        return f"longer than {MAX_CHARACTERS} characters"
    return _judge(statement)


@lru_cache(maxsize=512)
def _judge(statement: str) -> str | None:
    tokens = _tokens(statement)
    if isinstance(tokens, str):
        return tokens
    while tokens and tokens[-1] == ("sign", ";"):
        tokens.pop()
    if not tokens:
        return "no statement"
    if ("sign", ";") in tokens:
        return "several statements"
    if tokens[0] == ("word", "EXPLAIN"):
        tokens = tokens[3:] if tokens[1:3] == [("word", "QUERY"), ("word", "PLAN")] else tokens[1:]
    elif tokens[0][1] in _NAME_ONLY and tokens[0][0] == "word":
        return _judge_show(tokens)
    if not tokens or tokens[0][0] != "word" or tokens[0][1] not in _BEGINNINGS:
        return f"begins with {tokens[0][1][:30]}" if tokens else "no statement"
    return _judge_words(tokens)


def _tokens(statement: str) -> list[tuple[str, str]] | str:
    """The tokens, words in capitals; or why they cannot be told apart for certain."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(statement):
        found = _TOKEN.match(statement, position)
        if found is None:
            return f"{statement[position]!r} is not understood"
        position = found.end()
        kind, text = str(found.lastgroup), found[0]
        if kind == "word":
            if text.upper() in ("E", "U", "N", "B", "X", "R") and statement[position : position + 1] in ("'", '"', "&"):
                return "a string with a prefix"
            tokens.append((kind, text.upper()))
        elif kind == "string" and statement[position : position + 1] in ('"', "'"):
            return "two strings side by side"
        elif kind not in ("blank", "comment"):
            tokens.append((kind, text))
    return tokens


def _judge_words(tokens: list[tuple[str, str]]) -> str | None:
    previous = ("", "")
    for index, (kind, text) in enumerate(tokens):
        if kind == "word" and text in _FORBIDDEN:
            return text
        if kind == "word" and text == "FOR":
            following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
            if following != "number":  # SUBSTRING(… FOR 3); FOR UPDATE, FOR KEY SHARE … take locks
                return "FOR (a lock)"
        if (kind, text) == ("sign", "(") and previous[0] in ("word", "quoted"):
            is_known = previous[0] == "word" and previous[1] in _FUNCTIONS
            if not is_known and not _names_a_table(tokens, index):
                return f"the function {previous[1][:30]}"
        previous = (kind, text)
    return None


def _names_a_table(tokens: list[tuple[str, str]], index: int) -> bool:
    """Whether the word before the "(" at `index` is a name being defined: WITH name (columns) AS, or AS name (…)."""
    before = tokens[index - 2] if index >= 2 else ("", "")
    return before in (("word", "WITH"), ("word", "RECURSIVE"), ("word", "AS"))


def _judge_show(tokens: list[tuple[str, str]]) -> str | None:
    for kind, text in tokens[1:]:
        if kind not in ("word", "quoted", "string") and text not in (".", "="):
            return f"{text} after {tokens[0][1]}"
        if kind == "word" and text in _FORBIDDEN | {"SELECT"}:
            return text
    return None

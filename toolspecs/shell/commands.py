"""The plain commands that only read, each with the options it is known to take.

`is_harmless` is said only of commands with no option, in GNU, BSD and busybox, that writes, runs another
program or never ends; for them a file called "-x" can do no damage. Left out on purpose: pagers (`less` runs
what LESSOPEN says), `xargs`, `env` with a command, `time`, `timeout` and other commands that run commands,
`yq` (writes with -i and with --split-exp), `tee`, `xxd` with two files, `cd` (moves a persistent shell).
"""

from __future__ import annotations

from toolspecs.shell.options import Grammar, grammar

ALWAYS = 1_000_000  # of input_operands: reads standard input whatever its operands are

_CHECKSUM = grammar(
    "bctwz", long="binary check text quiet status strict warn tag zero", is_harmless=True, input_operands=1
)
_GREP_LONG = """
extended-regexp fixed-strings basic-regexp perl-regexp ignore-case no-ignore-case invert-match word-regexp line-regexp
count files-with-matches files-without-match only-matching quiet silent no-messages byte-offset with-filename
no-filename line-number initial-tab null null-data text recursive dereference-recursive line-buffered
regexp= file= max-count= after-context= before-context= context= include= exclude= exclude-from= exclude-dir=
binary-files= label= directories= devices= color[=] colour[=]
"""
SEQ = grammar("w", "fs", "equal-width format= separator=", number=True, is_harmless=True)
GREP = grammar("EFGPHhinvwxylLcoqsbzZrRaIUT", "efmABCdD", _GREP_LONG, number=True, is_harmless=True)

_RG_LONG = """
line-number no-line-number ignore-case smart-case case-sensitive files-with-matches files-without-match count
count-matches only-matching invert-match word-regexp line-regexp fixed-strings pcre2 multiline multiline-dotall
no-heading heading with-filename no-filename files hidden no-ignore no-ignore-vcs no-config no-messages quiet
unrestricted text null column trim vimgrep json stats type-list follow one-file-system no-binary
after-context= before-context= context= regexp= glob= iglob= max-count= max-depth= type= type-not= max-columns=
replace= encoding= sort= sortr= color= colors= threads= max-filesize= path-separator= engine=
"""

_LS_LONG = """
all almost-all author escape ignore-backups directory dired classify[=] file-type full-time group-directories-first
no-group human-readable si dereference-command-line dereference inode kibibytes numeric-uid-gid
literal hide-control-chars show-control-chars quote-name reverse recursive size context zero color[=] hyperlink[=]
block-size= format= hide= indicator-style= ignore= quoting-style= sort= time= time-style= tabsize= width=
"""

_DIFF_LONG = """
brief report-identical-files recursive text ignore-case ignore-tab-expansion ignore-trailing-space ignore-space-change
ignore-all-space ignore-blank-lines strip-trailing-cr minimal new-file unidirectional-new-file side-by-side
suppress-common-lines left-column show-c-function expand-tabs initial-tab normal no-dereference
unified[=] context[=] color[=] width= label= exclude= exclude-from= ignore-matching-lines= show-function-line=
"""

PLAIN: dict[str, Grammar] = {
    "cat": grammar(
        "AbeEnstTuv",
        long="show-all number-nonblank show-ends number squeeze-blank show-tabs show-nonprinting",
        is_harmless=True,
        input_operands=1,
    ),
    "zcat": grammar("f", input_operands=1),
    "ls": grammar("aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1", "ITw", _LS_LONG, is_harmless=True),
    "wc": grammar("clLmw", long="bytes chars lines words max-line-length", is_harmless=True, input_operands=1),
    "nl": grammar(
        "p",
        "bdfhilnsvw",
        "body-numbering= header-numbering= footer-numbering= line-increment= number-format= number-separator= "
        "number-width= starting-line-number= section-delimiter= join-blank-lines= no-renumber",
        is_harmless=True,
        input_operands=1,
    ),
    "head": grammar(
        "qvz",
        "nc",
        "lines= bytes= quiet silent verbose zero-terminated",
        number=True,
        is_harmless=True,
        input_operands=1,
    ),
    "tail": grammar("qvzr", "nc", "lines= bytes= quiet silent verbose zero-terminated", number=True, input_operands=1),
    "sort": grammar(
        "bdfgiMhnRrVcCmsuz",
        "ktS",
        "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort ignore-nonprinting month-sort "
        "human-numeric-sort numeric-sort random-sort reverse version-sort check[=] merge stable unique "
        "zero-terminated key= field-separator= buffer-size= parallel= sort=",
        input_operands=1,
    ),
    "uniq": grammar(
        "cdDuiz",
        "fsw",
        "count repeated all-repeated[=] unique ignore-case zero-terminated group[=] skip-fields= skip-chars= "
        "check-chars=",
        input_operands=1,
        max_operands=1,  # the second is a file to write
    ),
    "cut": grammar(
        "szn",
        "bcdf",
        "bytes= characters= delimiter= fields= complement only-delimited output-delimiter= zero-terminated",
        is_harmless=True,
        input_operands=1,
    ),
    "tr": grammar(
        "cCdst", long="complement delete squeeze-repeats truncate-set1", is_harmless=True, input_operands=ALWAYS
    ),
    "rev": grammar(is_harmless=True, input_operands=1),
    "tac": grammar("br", "s", "before regex separator=", is_harmless=True, input_operands=1),
    "fold": grammar("bs", "w", "bytes spaces width=", is_harmless=True, input_operands=1),
    "expand": grammar("i", "t", "initial tabs=", is_harmless=True, input_operands=1),
    "unexpand": grammar("a", "t", "all first-only tabs=", is_harmless=True, input_operands=1),
    "fmt": grammar("csu", "wpg", "width= goal= prefix=", is_harmless=True, input_operands=1),
    "column": grammar(
        "tnex", "scoNHR", "table separator= output-separator= columns=", is_harmless=True, input_operands=1
    ),
    "paste": grammar("sz", "d", "delimiters= serial zero-terminated", is_harmless=True, input_operands=1),
    "comm": grammar(
        "123z", long="check-order nocheck-order output-delimiter= total", is_harmless=True, input_operands=2
    ),
    "join": grammar("iz", "12aeojtv", "check-order nocheck-order header", is_harmless=True, input_operands=2),
    "basename": grammar("az", "s", "multiple suffix= zero", is_harmless=True),
    "dirname": grammar("z", long="zero", is_harmless=True),
    "readlink": grammar("femnqsvz", long="canonicalize canonicalize-existing canonicalize-missing", is_harmless=True),
    "realpath": grammar("eLmPsqz", long="relative-to= relative-base= no-symlinks quiet", is_harmless=True),
    "stat": grammar("Lftx", "c", "dereference file-system terse format= printf=", is_harmless=True),
    "du": grammar(
        "abchHkLlmPsSx0",
        "dBt",
        "all apparent-size bytes total human-readable si dereference count-links summarize separate-dirs "
        "one-file-system null max-depth= exclude= block-size= threshold=",
        is_harmless=True,
    ),
    "df": grammar(
        "ahHiklmPT", "Btx", "all human-readable inodes local portability print-type type= total", is_harmless=True
    ),
    "cmp": grammar(
        "bls", "in", "print-bytes verbose silent quiet bytes= ignore-initial=", is_harmless=True, input_operands=2
    ),
    "diff": grammar("qsabBcdeEinNprtTuwyZ", "CUxXIFWL", _DIFF_LONG, is_harmless=True, input_operands=2),
    "file": grammar(
        "bhiLkN0",
        "Fe",
        "brief mime mime-type mime-encoding dereference no-dereference keep-going no-pad",
        input_operands=1,
    ),
    "tree": grammar(
        "adfilxspughDFrtUCnJAS",
        "LPI",
        "noreport dirsfirst du prune gitignore matchdirs ignore-case inodes device charset= filelimit= timefmt=",
        is_own_parser=True,
    ),
    "md5sum": _CHECKSUM,
    "sha1sum": _CHECKSUM,
    "sha256sum": _CHECKSUM,
    "sha512sum": _CHECKSUM,
    "cksum": grammar(is_harmless=True, input_operands=1),
    "od": grammar(
        "abcdfhiloxsv", "AjNtw", "address-radix= skip-bytes= read-bytes= format=", is_harmless=True, input_operands=1
    ),
    "hexdump": grammar("bcCdovx", "efns", "canonical length= skip=", is_harmless=True, input_operands=1),
    "xxd": grammar(
        "bpu",
        "lcgs",
        input_operands=1,
        max_operands=1,  # the second is a file to write
        is_own_parser=True,
        is_unclustered=True,
    ),
    "strings": grammar("a", "nt", "all bytes= radix=", is_harmless=True, input_operands=1),
    "which": grammar("as", is_harmless=True),
    "type": grammar("afptP", is_harmless=True),
    "pwd": grammar("LP", is_harmless=True),
    "whoami": grammar(is_harmless=True),
    "groups": grammar(is_harmless=True),
    "id": grammar("agGnruzZ", long="group groups name real user zero", is_harmless=True),
    "uname": grammar(
        "asnrvmpio", long="all kernel-name nodename kernel-release machine operating-system", max_operands=0
    ),
    "nproc": grammar(long="all ignore="),
    "uptime": grammar("ps", long="pretty since", max_operands=0),
    "free": grammar("bkmghtwl", long="human mega giga total wide", max_operands=0),
    "hostname": grammar("fsiIdA", max_operands=0),  # an operand would be the new name
    "printenv": grammar("0", long="null", is_harmless=True),
    "env": grammar("0", max_operands=0),  # an operand would be a variable or a command
    "jq": grammar(
        "rcsneSMCajR",
        "f",
        "raw-output compact-output slurp null-input exit-status sort-keys monochrome-output color-output ascii-output "
        "join-output raw-input tab seq stream indent= from-file=",
        input_operands=2,
    ),
    "rg": grammar("nilLcovwxsSFUNHIuaPq0.p", "ABCegmtTdjMrE", _RG_LONG, number=False),
    "fd": grammar(
        "HIgisLp0a1u",
        "tedEcjS",
        "hidden no-ignore glob absolute-path full-path follow type= extension= max-depth= exclude=",
    ),
}
PLAIN["fdfind"] = PLAIN["fd"]
PLAIN["sha224sum"] = PLAIN["sha384sum"] = PLAIN["b2sum"] = _CHECKSUM

# Take any words at all: they print them, or do nothing, or show processes.
ANY_WORDS = frozenset({"echo", "true", "false", ":", "ps"})

"""Which module of this package loads a file: by its name, or by the end of its name."""

from __future__ import annotations

from pathlib import PurePath

_CODE = (
    *("ada", "adb", "ads", "asm", "awk", "bas", "bash", "bat", "bicep", "c", "cbl", "cc", "cfg", "cjs", "clj", "cljc"),
    *("cljs", "cls", "cmake", "cmd", "cob", "conf", "cpp", "cpy", "cs", "csproj", "css", "cu", "cuh", "cxx", "d"),
    *("dart", "diff", "edn", "el", "erl", "ex", "exs", "f", "f03", "f08", "f77", "f90", "f95", "fish", "fnc", "for"),
    *("fs", "fsx", "gd", "glsl", "go", "gql", "gradle", "graphql", "groovy", "h", "hcl", "hh", "hlsl", "hpp", "hrl"),
    *("hs", "hxx", "ini", "inl", "ino", "j2", "java", "jinja", "jl", "js", "json5", "jsonc", "jsx", "kt", "kts"),
    *("less", "lisp", "lua", "m", "mak", "mjs", "mk", "ml", "mli", "mm", "mod", "nim", "nix", "pas", "patch", "php"),
    *("pkb", "pks", "pl", "plb", "pls", "plsql", "pm", "prc", "properties", "proto", "ps1", "psd1", "psm1", "pxd"),
    *("py", "pyi", "pyw", "pyx", "r", "rake", "rb", "rkt", "rs", "s", "sas", "sass", "scala", "scm", "scss", "sh"),
    *("sol", "spec", "sql", "sv", "svelte", "swift", "tcl", "tf", "tfvars", "thrift", "toml", "tpl", "trg", "ts"),
    *("tsx", "v", "vb", "vba", "vbs", "vhd", "vhdl", "vim", "vue", "wgsl", "xsd", "xsl", "xslt", "zig", "zsh"),
)
"""Ends of the names of source code and of configuration in a language of its own."""

FORMATS = {
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".xht": "html",
    ".pdf": "pdf.document",
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), "office.docx"),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), "office.pptx"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), "office.xlsx"),
    ".csv": "table",
    ".tsv": "table",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "structured.json_values",
    ".geojson": "structured.json_values",
    ".jsonld": "structured.json_values",
    ".xml": "structured.xml_elements",
    ".rss": "structured.xml_elements",
    ".atom": "structured.xml_elements",
    ".yaml": "structured.yaml_keys",
    ".yml": "structured.yaml_keys",
    ".ipynb": "structured.notebook",
    **dict.fromkeys((".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz"), "containers.archive"),
    ".rtf": "rtf.document",
    ".epub": "packages.epub",
    **dict.fromkeys((".odt", ".ott", ".fodt"), "packages.odt"),
    **dict.fromkeys((".ods", ".ots", ".fods"), "packages.ods"),
    **dict.fromkeys((".odp", ".otp", ".fodp", ".odg", ".fodg"), "packages.odp"),
    ".eml": "containers.mail",
    ".msg": "containers.outlook",
    **{f".{end}": "structured.source_code" for end in _CODE},
}
"""The module that loads each suffix."""

_NAMES = {
    **dict.fromkeys(("readme", "license", "licence", "copying", "notice", "authors", "changelog", "changes"), "text"),
    **dict.fromkeys(("news", "todo", "install", "contributing", "contributors", "maintainers", "history"), "text"),
    **dict.fromkeys(("makefile", "gnumakefile", "dockerfile", "containerfile", "jenkinsfile", "vagrantfile"), "code"),
    **dict.fromkeys(("rakefile", "gemfile", "procfile", "brewfile", "justfile", "pipfile", "codeowners"), "code"),
}
"""Files without a suffix, by their names in small letters."""


def format_of(path: PurePath) -> str | None:
    """Return the module that loads a file of this name, or `None`.

    >>> format_of(PurePath("a/Makefile")), format_of(PurePath("a/b.PY")), format_of(PurePath("a.exe"))
    ('structured.source_code', 'structured.source_code', None)
    """
    named = _NAMES.get(path.name.lower())
    return FORMATS.get(path.suffix.lower()) or ("structured.source_code" if named == "code" else named)


def is_container(path: PurePath) -> bool:
    """Return whether a file of this name holds other files that are read."""
    return (format_of(path) or "").startswith("containers.")

"""Names by which a path is known: file extensions, files at a repository's root, top folders, files of plans."""

from __future__ import annotations

# fmt: off
EXTENSIONS = frozenset((
    "astro", "bash", "bat", "c", "cc", "cfg", "cjs", "clj", "cmake", "conf", "cpp", "cs", "css", "csv", "cts",
    "cxx", "dart", "dockerfile", "ejs", "env", "erl", "ex", "exs", "fish", "fs", "gleam", "go", "gradle", "graphql",
    "groovy", "h", "hbs", "hcl", "hpp", "hs", "htm", "html", "hurl", "ini", "ipynb", "java", "jinja", "jl", "js",
    "json", "json5", "jsonc", "jsonl", "jsx", "kt", "kts", "less", "lock", "lua", "m", "md", "mdc", "mdx",
    "mermaid", "mjs", "mk", "ml", "mm", "mts", "ndjson", "nim", "nix", "nu", "php", "pl", "plist", "png", "po",
    "prisma", "properties", "proto", "ps1", "py", "pyi", "pyx", "r", "rb", "rego", "rs", "rst", "s", "sass",
    "scala", "scss", "sh", "sln", "snap", "sql", "sqlite", "svelte", "svg", "swift", "tcl", "tex", "tf", "tfvars",
    "tmpl", "toml", "tpl", "ts", "tsv", "tsx", "txt", "vb", "vue", "wasm", "xml", "xsd", "yaml", "yml", "zig", "zsh",
))
ROOT_FILES = frozenset((
    "AGENTS.md", "CHANGELOG.md", "CLAUDE.md", "CONTRIBUTING.md", "Cargo.lock", "Cargo.toml", "Dockerfile",
    "GEMINI.md", "Gemfile", "Justfile", "LICENSE", "Makefile", "Package.swift", "README.md", "SECURITY.md",
    "build.gradle", "composer.json", "docker-compose.yml", "go.mod", "go.sum", "justfile", "package-lock.json",
    "package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "pom.xml", "pyproject.toml", "requirements.txt",
    "setup.cfg", "setup.py", "tox.ini", "tsconfig.json", "turbo.json", "vite.config.ts", "vitest.config.ts",
    "yarn.lock",
))
TOP_FOLDERS = frozenset((
    ".claude", ".cursor", ".github", ".gitlab", ".specify", ".vscode", "Sources", "Tests", "api", "app", "apps",
    "assets", "backend", "bin", "ci", "client", "cmd", "components", "config", "configs", "crates", "db", "deploy",
    "docker", "docs", "e2e", "etc", "examples", "frontend", "include", "infra", "integration", "internal", "lib",
    "libs", "migrations", "modules", "openspec", "packages", "pages", "pkg", "plugins", "public", "resources",
    "schema", "schemas", "scripts", "server", "services", "skills", "spec", "specs", "src", "static", "templates",
    "test", "tests", "tools", "ui", "web", "workers",
))
PLAN_NAMES = frozenset((
    "proposal.md", "design.md", "tasks.md", "spec.md", "plan.md", "research.md", "quickstart.md", "data-model.md",
))
"""Files of a plan, never of the work, when they are named without a folder."""
# fmt: on

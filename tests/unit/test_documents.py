"""The documents lead where they say: links, cited paragraphs, tests behind promises, and what tools of others read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments.planned import planned

ROOT = Path(__file__).parents[2]
MOST_BYTES = 9_000
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("[a-z]*/README.md")))
CITED = re.compile(
    r"\b(domain|contract|decision|design) §?((?:\d+(?:\.\d+)?|T\d+\w*)(?:-\d+\.\d+)?)", re.IGNORECASE
)
PARAGRAPHS = {"domain": "docs/domain.md", "contract": "docs/integration/contracts.md"}


def _read(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _without_code(text: str) -> str:
    """Return a page without its blocks of code, in which a bracket is no link."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def _headings(path: Path) -> set[str]:
    """Return the anchors of a page as a forge makes them from its headings."""
    found = re.findall(r"^#+ (.+)$", _without_code(_read(path)), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    return listed or [str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.rglob(pattern)]


def test_there_are_pages_and_links_to_look_at() -> None:
    """The pages of every folder are among them."""
    links = [link for page in PAGES for link in re.findall(r"\]\(([^)\s]+)\)", _without_code(_read(page)))]
    assert {"README.md", "CONTRIBUTING.md"} <= {page.name for page in PAGES}
    assert len(PAGES) > 40
    assert len(links) > 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    """Each link to a file of ours finds the file, and each anchor a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(_read(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in _headings(file), f"{page.name}: {target}"


def test_the_readme_is_short_and_opens_in_dutch() -> None:
    """At most nine kilobytes, a Dutch paragraph first, four pictures, and the command that CI runs."""
    text = _read("README.md")
    assert len(text.encode()) <= MOST_BYTES
    assert text.split("\n\n")[1].startswith("> **Voor de gemeente.**")
    assert text.count("![") == 4
    assert re.search(r"<!-- test command -->\n```\n.+pytest.+\n```\n<!-- end -->", text)


def test_every_cited_paragraph_is_there() -> None:
    """A comment that cites "domain 4.8", "contract 2" or "decision 4" finds it; nothing cites what is not in here."""
    known = {
        kind: set(re.findall(r"^#+ (\d+(?:\.\d+)?) ", _read(path), flags=re.MULTILINE))
        for kind, path in PARAGRAPHS.items()
    }
    known["decision"] = {str(int(path.name[:4])) for path in ROOT.glob("docs/decisions/0*.md")}
    terms = set(re.findall(r'^        "(T\d+\w*)",$', _read("milestones/term_table.py"), flags=re.MULTILINE))
    cited = 0
    for name in _tracked("*.py", "*.md"):
        if Path(name).name == Path(__file__).name:
            continue
        for kind, number in CITED.findall(_read(name)):
            assert kind.lower() in known, f"{name} cites {kind} {number}, which is not in the documents"
            for part in number.split("-"):
                assert part in known[kind.lower()] | terms, f"{name} cites {kind} {number}"
            cited += 1
    assert cited > 30


def test_every_promise_names_a_test_or_a_command() -> None:
    """Each row of the guarantees names what would fail, and each file that it names exists."""
    text = _read("docs/guarantees.md").partition("## Last runs")[0]
    rows = [line for line in text.splitlines() if re.match(r"\| (?!promise|---)", line)]
    assert len(rows) > 12
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert named or "`routekaart " in row, row
        assert all((ROOT / name).exists() for name in named), row


def test_the_page_of_the_coordinator_names_actions_that_there_are() -> None:
    """Each action in the table of the coordinator is a deployment, and no action is left out."""
    table = _read("docs/gebruik/coordinator.md").partition("## Acties")[2].partition("![")[0]
    named = {row.split("|")[2].strip() for row in table.splitlines() if row.startswith("| ")} - {
        "actie",
        "---",
    }
    assert named == {item.name for item in planned() if "actie" in item.tags}


def test_every_folder_says_what_belongs_there() -> None:
    """The four folders have a page of a few lines that says what belongs there and what does not."""
    for folder in ("milestones", "adapters", "flows", "deployments"):
        text = _read(f"{folder}/README.md")
        assert "**Belongs here**" in text
        assert "**Does not**" in text
        assert len(text.splitlines()) < 30


def test_what_is_deployed_has_no_pictures_or_pages() -> None:
    """`deployments/` holds only what is deployed: no picture, and no page but its own."""
    pages = [name for name in _tracked("*.md", "*.png") if name.startswith("deployments/")]
    assert pages == ["deployments/README.md"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Words(_Strict):
    genericName: Annotated[str, Field(max_length=35)]  # noqa: N815 - the names of the standard
    shortDescription: Annotated[str, Field(max_length=150)]  # noqa: N815
    longDescription: Annotated[str, Field(min_length=150, max_length=10_000)]  # noqa: N815
    features: Annotated[list[str], Field(min_length=1)]


class _Audience(_Strict):
    countries: list[Annotated[str, Field(pattern="^[A-Z]{2}$")]]
    scope: list[Literal["government", "local-authorities", "society", "welfare"]]


class _Legal(_Strict):
    license: Literal["EUPL-1.2"]
    mainCopyrightOwner: str  # noqa: N815


class _Contact(_Strict):
    name: str
    email: str | None = None


class _Maintenance(_Strict):
    type: Literal["community", "internal"]
    contacts: Annotated[list[_Contact], Field(min_length=1)]


class _Localisation(_Strict):
    localisationReady: bool  # noqa: N815
    availableLanguages: Annotated[list[Literal["nl", "en"]], Field(min_length=1)]  # noqa: N815


class _Dependency(_Strict):
    name: str
    versionMin: str | None = None  # noqa: N815
    optional: bool | None = None


class PublicCode(_Strict):
    """What publiccode.yml 0.4 asks of the keys that we have; the lists have those of its words that we use."""

    publiccodeYmlVersion: Literal["0.4"]  # noqa: N815
    name: str
    url: Annotated[str, Field(pattern="^https?://")]
    softwareVersion: str  # noqa: N815
    softwareType: Literal["standalone/web", "standalone/backend"]  # noqa: N815
    developmentStatus: Literal["concept", "development", "beta", "stable", "obsolete"]  # noqa: N815
    platforms: Annotated[list[str], Field(min_length=1)]
    categories: list[Literal["business-process-management", "workflow-management", "task-management"]]
    intendedAudience: _Audience  # noqa: N815
    description: dict[Literal["nl", "en"], _Words]
    legal: _Legal
    maintenance: _Maintenance
    localisation: _Localisation
    dependsOn: dict[Literal["open", "proprietary", "hardware"], list[_Dependency]]  # noqa: N815


def test_publiccode_is_what_the_standard_asks_and_says_what_the_package_says() -> None:
    """No key that the standard does not have, words of its lists, lengths; the version and licence of the package."""
    about = PublicCode.model_validate(yaml.safe_load(_read("publiccode.yml")))
    package = _read("pyproject.toml")
    assert f'version = "{about.softwareVersion}"' in package
    assert f'license = "{about.legal.license}"' in package


def test_a_wrong_publiccode_is_found() -> None:
    """A status or a key that is not of the standard."""
    given = yaml.safe_load(_read("publiccode.yml"))
    for wrong in (
        {"developmentStatus": "ready"},
        {"releasedate": "2026-11-01"},
        {"legal": {"license": "MIT"}},
    ):
        with pytest.raises(ValidationError):
            PublicCode.model_validate(given | wrong)

"""Web research: searches, pages opened from their results, passages found in them. What comes back may be hostile."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from benchmarks.prediction.worlds.story import Free, Story, World
from benchmarks.prediction.worlds.vocabulary import ADJECTIVES, NOUNS, VERBS, letters, person, sentence
from speculate.spec import Effect, ToolSpec

HOSTS = ("en.encyclopedia.example", "news.example.org", "docs.example.net", "journal.example.edu", "blog.example.com")
KINDS = ("Bridge", "Theatre", "Treaty", "Institute", "Valley", "Company")
PAGE = 4_000  # characters a page is cut to


@dataclass(frozen=True, slots=True)
class _Page:
    url: str
    title: str
    text: str
    links: tuple[tuple[str, str], ...]  # title, url
    parts: int


def _name(rng: Random) -> str:
    """A proper name that a question may be about."""
    kind = rng.randrange(3)
    if kind == 0:
        return " ".join(person(rng))
    if kind == 1:
        return f"{rng.choice(ADJECTIVES).capitalize()} {rng.choice(NOUNS).capitalize()}"
    return f"{letters(rng, 6).capitalize()} {rng.choice(KINDS)}"


def _page(rng: Random, title: str) -> _Page:
    host = rng.choice(HOSTS)
    slug = title.replace(" ", rng.choice("_-"))
    url = f"https://{host}/{rng.choice(('wiki', 'articles', '2023/11'))}/{slug}" + rng.choice(
        ("", "", f"?id={rng.randint(100, 99999)}&ref=search")
    )
    links = []
    for _ in range(rng.randint(2, 5)):
        other = _name(rng)
        links.append((other, f"https://{host}/wiki/{other.replace(' ', '_')}"))
    text = f"# {title}\n\n{title} is a {rng.choice(NOUNS)} known for {rng.choice(VERBS)}. " + sentence(rng, 30)
    text += " ".join(f"See also [{name}]({link})." for name, link in links)
    return _Page(url, title, text, tuple(links), rng.choice((1, 1, 2, 4)))


def _results(rng: Random, pages: list[_Page]) -> str:
    """What a search gives: numbered titles, addresses, a line of text each."""
    rows = [
        f"{n}. {page.title} - {page.url.split('/')[2]}\n   URL: {page.url}\n   {sentence(rng, 12)}"
        for n, page in enumerate(pages, 1)
    ]
    return f"Found {len(pages)} results.\n\n" + "\n\n".join(rows)


def _search(story: Story, words: str | Free, names: list[str]) -> list[_Page]:
    pages = [_page(story.rng, name) for name in names]
    story.call("web_search", {"query": words, "count": 5}, _results(story.rng, pages))
    return pages


def _open(story: Story, page: _Page, part: int = 1) -> None:
    cut = (
        f"\n\n[Part {part} of {page.parts}. Call open_page with part={part + 1} for more.]" if part < page.parts else ""
    )
    arguments = {"url": page.url} if part == 1 else {"url": page.url, "part": part}
    story.call("open_page", arguments, page.text[:PAGE] + cut)


def _tell(story: Story) -> None:
    rng = story.rng
    subject, other = _name(rng), _name(rng)
    relation = rng.choice(("founded", "designed", "described", "led"))
    asked = rng.choice(
        (
            f"Who {relation} {subject}?",
            f"Were {subject} and {other} {relation} in the same year?",
            f'What did "{subject}" have to do with {other}?',
            f"Give me three sources on {subject}, please.",
        )
    )
    story.user(asked)
    second: str | Free = other if other in asked else Free(other)
    words: str | Free = subject if story.chance(0.5) else Free(f"{subject} {relation} {rng.choice(NOUNS)}")
    pages = _search(story, words, [subject, *[f"{subject} {rng.choice(NOUNS)}" for _ in range(rng.randint(2, 4))]])
    for number in range(rng.randint(1, 3)):
        page = story.pick(pages, [0.75, *[0.25 / len(pages)] * (len(pages) - 1)])
        pages = [each for each in pages if each is not page]
        _open(story, page)
        if page.parts > 1 and story.chance(0.5):
            _open(story, page, 2)
        elif story.chance(0.35):
            words = second if story.chance(0.4) else Free(rng.choice(NOUNS))
            story.call("find_in_page", {"url": page.url, "text": words}, f"1 match: … {sentence(rng)} …")
        if story.chance(0.3):
            title, link = story.pick(page.links[:2], [0.7, 0.3])
            _open(story, _Page(link, title, f"# {title}\n\n{sentence(rng, 30)}", (), 1))
        if number == 0 and story.chance(0.4):
            following = second if story.chance(0.6) else Free(f"{other} {rng.choice(NOUNS)}")
            pages = _search(story, following, [other, *[f"{other} {rng.choice(NOUNS)}" for _ in range(3)]])
        if not story.chance(0.6):
            break
    story.call("cite", {"url": page.url, "quote": Free(sentence(rng, 6))}, "ok")
    story.say(f"{subject}: see {page.url}.")


WEB = World(
    "web",
    "web research: search, open a result, read on, follow a link; results are untrusted",
    {
        spec.name: spec
        for spec in (
            ToolSpec("web_search", effect=Effect.READ, reads=("web",), ttl_s=600.0, egress="external", untrusted=True),
            # the pages come through a crawler's cache of one's own: whoever owns an address does not learn of it
            ToolSpec("open_page", effect=Effect.READ, reads=("web",), ttl_s=600.0, untrusted=True),
            ToolSpec("find_in_page", effect=Effect.READ, reads=("web",), ttl_s=600.0, untrusted=True),
            ToolSpec("cite", effect=Effect.WRITE, writes=("notes",)),
        )
    },
    _tell,
)

"""A support desk in German: several calls in one turn, terse texts, results as tables, YAML and CSV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from benchmarks.prediction.worlds.story import Free, Planned, Story, World
from benchmarks.prediction.worlds.vocabulary import day, digits, letters, person
from speculate.spec import Effect, ToolSpec

TODAY = date(2024, 9, 18)


@dataclass(slots=True)
class _Contract:
    number: str
    kind: str
    meter: str
    monthly: int
    invoices: list[tuple[str, date, float, str]]  # number, day, sum in euros, state


@dataclass(slots=True)
class _Customer:
    number: str
    first: str
    last: str
    postcode: str
    born: date
    contracts: list[_Contract]

    def table(self) -> str:
        """The contracts as a Markdown table."""
        rows = [f"| {c.number} | {c.kind} | {c.meter} | {c.monthly},00 € | aktiv |" for c in self.contracts]
        head = "| Vertragsnummer | Sparte | Zähler | Abschlag | Status |\n|---|---|---|---|---|"
        return "\n".join([head, *rows])

    def sheet(self) -> str:
        """The customer as YAML."""
        return (
            f"kunde:\n  nummer: {self.number}\n  vorname: {self.first}\n  nachname: {self.last}\n"
            f"  geburtsdatum: {self.born.isoformat()}\n  anschrift:\n    plz: '{self.postcode}'\n    ort: Musterstadt\n"
            f"  kontakt:\n    email: {self.first.lower()}.{self.last.lower()}@example.org\n"
        )


def _details(contract: _Contract) -> str:
    """A contract as YAML."""
    return (
        f"vertrag: {contract.number}\nsparte: {contract.kind}\nzaehler:\n  nummer: {contract.meter}\n  typ: digital\n"
        f"abschlag_eur: {contract.monthly}\nlaufzeit:\n  beginn: 2022-01-01\n  ende: 2024-12-31\n"
        f"letzte_rechnung: {contract.invoices[0][0]}\n"
    )


def _invoices(contract: _Contract) -> str:
    """Invoices as CSV."""
    rows = [f"{n};{d.isoformat()};{total:.2f};{state}" for n, d, total, state in contract.invoices]
    return "\n".join(["rechnungsnummer;datum;betrag;status", *rows])


def _customer(rng: Random) -> _Customer:
    first, last = person(rng)
    contracts = []
    for kind in rng.sample(("Strom", "Gas", "Wasser", "Wärme"), rng.randint(1, 3)):
        invoices = [
            (
                f"RE-{digits(rng, 7)}",
                day(rng, TODAY, 400),
                rng.randint(2000, 90000) / 100,
                rng.choice(("offen", "bezahlt")),
            )
            for _ in range(rng.randint(2, 4))
        ]
        invoices.sort(key=lambda each: each[1], reverse=True)
        number = f"V{kind[0]}-{digits(rng, 6)}"
        contracts.append(
            _Contract(number, kind, f"1{letters(rng, 3).upper()}{digits(rng, 8)}", rng.randint(30, 220), invoices)
        )
    return _Customer(digits(rng, 8), first, last, digits(rng, 5), day(rng, date(2000, 1, 1), 12_000), contracts)


def _identify(story: Story, customer: _Customer) -> None:
    """By number, or by name and postcode; the first try may fail."""
    german = f"{customer.born.day:02d}.{customer.born.month:02d}.{customer.born.year}"
    if story.rng.random() < 0.5:
        story.user(f"Kundennr. {customer.number}, {customer.last}")
    else:
        if story.rng.random() < 0.3:
            story.user(f"{customer.last}, {customer.first}. geb. {german}")
            story.say("PLZ?")
            story.user(customer.postcode)
        else:
            story.user(f"{customer.first} {customer.last}, PLZ {customer.postcode}, geboren am {german}")
        arguments = {"nachname": customer.last, "plz": customer.postcode, "geburtsdatum": customer.born.isoformat()}
        found = f"| Kundennummer | Name |\n|---|---|\n| {customer.number} | {customer.first} {customer.last} |"
        story.call("kunde_suchen", arguments, found)
    number = customer.number
    story.calls(
        [
            Planned("kunde_lesen", {"kundennummer": number}, customer.sheet()),
            Planned("vertraege_auflisten", {"kundennummer": number}, customer.table()),
        ]
    )


def _tell(story: Story) -> None:
    rng = story.rng
    customer = _customer(rng)
    contract = rng.choice(customer.contracts)
    matter = rng.choice(("rechnung", "abschlag", "zaehler", "umzug"))
    story.user(
        {
            "rechnung": f"Moin, Rechnung für {contract.kind} stimmt nicht.",
            "abschlag": f"Hallo, mein Abschlag {contract.kind} ist zu hoch, bitte senken.",
            "zaehler": f"Guten Tag, will Zählerstand {contract.kind} melden.",
            "umzug": "Hi, ziehe um. Was wird aus den Verträgen?",
        }[matter]
    )
    story.say("Kundennummer, oder Name und PLZ?")
    _identify(story, customer)
    wanted = customer.contracts if matter == "umzug" or story.chance(0.3) else [contract]
    story.calls([Planned("vertrag_lesen", {"vertragsnummer": c.number}, _details(c)) for c in wanted])
    if matter == "umzug":
        street, postcode = f"Weg {rng.randint(1, 99)}", digits(rng, 5)
        story.say("Neue Anschrift?")
        story.user(f"{street}, {postcode} Neustadt")
        address = {"kundennummer": customer.number, "strasse": street, "plz": postcode}
        story.call("anschrift_aendern", address, "ok")
        return
    if matter == "zaehler":
        _meter(story, contract)
        return
    story.call("rechnungen_auflisten", {"vertragsnummer": contract.number, "jahr": TODAY.year}, _invoices(contract))
    opened = next((each for each in contract.invoices if each[3] == "offen"), contract.invoices[0])
    shown = [opened] if story.chance(0.65) else contract.invoices[:2]
    story.calls(
        [Planned("rechnung_lesen", {"rechnungsnummer": n}, _invoice(n, total, contract)) for n, _, total, _ in shown]
    )
    if story.chance(0.5):
        story.call(
            "verbrauch_abrufen",
            {"zaehler": contract.meter, "von": "2024-01-01", "bis": TODAY.isoformat()},
            "monat;kwh\n1;210\n2;180",
        )
    if matter == "abschlag":
        wish = contract.monthly - 10
        story.say("Neuer Betrag?")
        story.user(f"{wish} Euro")
        story.call("abschlag_aendern", {"vertragsnummer": contract.number, "betrag": wish}, "geändert")
        if story.chance(0.8):
            story.call("vertrag_lesen", {"vertragsnummer": contract.number}, _details(contract))
    else:
        story.call("notiz_anlegen", {"kundennummer": customer.number, "text": Free("Kunde bestreitet Betrag")}, "ok")
    story.say("Erledigt. Sonst noch was?")


def _invoice(number: str, total: float, contract: _Contract) -> str:
    """An invoice as YAML."""
    return (
        f"rechnung: {number}\nvertrag: {contract.number}\nzaehler: {contract.meter}\nbetrag_eur: {total:.2f}\n"
        "faellig: 2024-10-01\n"
    )


def _meter(story: Story, contract: _Contract) -> None:
    """A reading: look at the last one, take the new one, look again."""
    last = story.rng.randint(1000, 9000)
    past = f"datum;stand\n2024-03-01;{last}\n2023-09-01;{last - 300}"
    story.call("zaehlerstand_abrufen", {"zaehlernummer": contract.meter}, past)
    story.say("Aktueller Stand und Ablesedatum?")
    value, read = last + story.rng.randint(100, 700), day(story.rng, TODAY, 9)
    story.user(f"{value}, abgelesen {read.day}.{read.month}.")
    story.call(
        "zaehlerstand_melden", {"zaehlernummer": contract.meter, "stand": value, "datum": read.isoformat()}, "ok"
    )
    if story.chance(0.75):
        story.call(
            "zaehlerstand_abrufen",
            {"zaehlernummer": contract.meter},
            f"datum;stand\n{read.isoformat()};{value}\n2024-03-01;{last}",
        )
    story.say("Ist drin.")


def _read(name: str, reads: str) -> ToolSpec:
    return ToolSpec(name, effect=Effect.READ, reads=(reads,), ttl_s=300.0)


DESK = World(
    "desk",
    "a support desk in German: parallel calls, results as tables, YAML and CSV",
    {
        spec.name: spec
        for spec in (
            _read("kunde_suchen", "kunde/*"),
            _read("kunde_lesen", "kunde/{kundennummer}"),
            _read("vertraege_auflisten", "vertrag/*"),
            _read("vertrag_lesen", "vertrag/{vertragsnummer}"),
            _read("rechnungen_auflisten", "rechnung/*"),
            _read("rechnung_lesen", "rechnung/{rechnungsnummer}"),
            _read("verbrauch_abrufen", "zaehler/{zaehler}"),
            _read("zaehlerstand_abrufen", "zaehler/{zaehlernummer}"),
            ToolSpec("zaehlerstand_melden", effect=Effect.WRITE, writes=("zaehler/{zaehlernummer}",)),
            ToolSpec("abschlag_aendern", effect=Effect.WRITE, writes=("vertrag/{vertragsnummer}",)),
            ToolSpec("anschrift_aendern", effect=Effect.WRITE, writes=("kunde/*", "vertrag/*")),
            ToolSpec("notiz_anlegen", effect=Effect.WRITE, writes=("notiz/*",)),
        )
    },
    _tell,
)

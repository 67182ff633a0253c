"""What a follow-up refers to: invented conversations over several domains, and the words that must be searched for."""

import pytest

from gateway.extractive.asking.follow_ups import resolve

PAIRS = [
    # pronouns after one subject
    ("How do I switch the heating on?", "How do I turn it off again?", "heating", ""),
    ("How many thumbnails does the gallery hold in its preview store?", "How do I clear it?", "preview store", ""),
    ("How large is the parser cache?", "Can it be disabled?", "parser cache", ""),
    ("What does the night tariff cost?", "When does it start?", "night tariff", "cost"),
    ("How do I get the export to use compressed mode?", "Can it be undone later?", "compressed mode", ""),
    ("What must a script call to enter safe mode?", "And can it leave again afterwards?", "safe mode", ""),
    ("Where does the ferry to Malta leave?", "How long does it take?", "malta", ""),
    ("Who keeps the keys of the boat house?", "Is it open on Sundays?", "boat house", ""),
    ("Which port does the sensor gateway listen on?", "Can I change that?", "sensor gateway", ""),
    ("What happens when a nightly backup fails?", "Who is told about it?", "backup", ""),
    ("How is the flour mill driven?", "When was it built?", "flour mill", ""),
    ("What is a rolling deposit?", "Why does it exist?", "rolling deposit", ""),
    ("Does the mail relay encrypt messages?", "How is that configured?", "mail relay", ""),
    ("Who is told when a savings goal is missed?", "What happens to a standing order then?", "savings goal", ""),
    ("What happens when a sluice gate cannot close?", "Can I switch it off?", "sluice gate", ""),
    ("What if the cellar pump can’t start?", "Who repairs it?", "cellar pump", ""),
    ("Who may borrow a rowing boat?", "Where is it kept?", "rowing boat", "borrow"),
    ("Who is told when a savings goal is missed?", "Can it be raised?", "savings goal", "told missed"),
    # plurals, possessives, demonstratives with a noun
    ("Which vaccines do travellers to Peru need?", "Where can they be given?", "vaccines", ""),
    ("How do volunteers book night shifts?", "Can they be swapped?", "shifts", ""),
    ("What are ledger snapshots for?", "How long are they kept?", "ledger snapshots", ""),
    ("Who supplies the brass valves?", "What are their dimensions?", "brass valves", ""),
    ("What is the Orchard scheduler?", "What are its limits?", "orchard scheduler", ""),
    ("How do I start quiet mode?", "Which commands does this mode refuse?", "quiet mode", ""),
    ("What does the maintenance contract include?", "When does this contract end?", "maintenance", ""),
    # two subjects
    ("How do Light and Heavy mode differ?", "When should I use it?", "light mode heavy mode", ""),
    ("Should I take the coast pass or the alpine pass?", "Where are they sold?", "coast pass alpine pass", ""),
    ("What is the difference between a lease and a licence?", "Which of them can be cancelled?", "lease licence", ""),
    ("Is oak or beech harder?", "What does the former cost?", "oak", "beech"),
    ("Is oak or beech harder?", "What does the latter cost?", "beech", "oak"),
    # substitution
    ("What is the price of Pass B?", "And what does it include?", "include pass b", "price"),
    ("What is the default of pagelength?", "And for linewidth?", "default linewidth", "pagelength"),
    ("What is the default of `max_rows`?", "What about `max_bytes`?", "default max_bytes", "max_rows"),
    ("How deep is Lake Ohrid?", "And Lake Prespa?", "deep lake prespa", "ohrid"),
    ("How long is a Standard lease?", "And a Premium lease?", "long premium lease", "standard"),
    ("What does a ticket cost?", "And for children?", "ticket cost children", ""),
    ("What does a ticket cost for adults?", "And for children?", "ticket cost children", "adults"),
    ("How do I connect from Java?", "And from Ruby?", "connect ruby", "java"),
    ("Can members of the club borrow kayaks?", "What about canoes?", "borrow canoes", "kayaks"),
    ("How much holiday do apprentices get?", "How about trainees?", "holiday trainees", "apprentices"),
    ("In which month do the pear trees bloom?", "And the plum trees?", "month plum trees bloom", "pear"),
    # bare question words
    ("Does the parser reject tabs?", "Why?", "why parser reject tabs", ""),
    ("Can I merge two ledgers?", "How?", "how merge two ledgers", ""),
    ("Was the tower of Elm moved?", "When?", "when tower elm moved", ""),
    ("Which edition supports single sign-on?", "Since when?", "since when edition supports single sign-on", ""),
    ("May guests use the sauna?", "Where is that written?", "sauna", ""),
    # places and persons
    ("What is there to see in the old quarry?", "How do I get there?", "old quarry", ""),
    ("Who was Clara Holm?", "When did she die?", "clara holm", ""),
    ("When was Otto Brandt elected?", "What did he do before?", "otto brandt", ""),
    # a definite noun that was specified before
    ("What is the size limit of inbox attachments?", "Can the limit be raised?", "inbox attachments", ""),
    ("How do I renew a library card?", "What does the card cost?", "library card", ""),
    # other languages
    ("Wie kündige ich den Vertrag?", "Und wie lange dauert das?", "vertrag", ""),
    ("Wie groß ist der Speicher der Kamera?", "Kann man ihn erweitern?", "speicher kamera", ""),
    ("Wann ist das Kontingent der Kamera voll?", "Was passiert mit neuen Aufnahmen dann?", "kontingent", ""),
    ("Quel est le prix du billet ?", "Et pour les enfants ?", "prix billet enfants", ""),
]  # fmt: skip


@pytest.mark.parametrize(("before", "question", "words", "without"), PAIRS)
def test_a_follow_up_holds_what_it_refers_to(before, question, words, without):
    found = resolve(question, [{"question": before, "answer": "."}]).casefold()
    assert [word for word in words.split() if word not in found] == []
    assert [word for word in without.split() if word in found] == []


ON_ITS_OWN = [
    "What is the price of a yearly pass?",
    "If a boat is late, when is it fined?",
    "How does a kiln keep its heat?",
    "Is it possible to rent a kayak in winter?",
    "Which setting says that mail is encrypted?",
    "How do I open a window, and how do I close it?",
    "What does this handbook say about bicycles?",
    "Who repairs the clocks that strike at noon?",
    "Compare oak and beech.",
    "What does a bailiff do?",
    "When the kiln is hot, what happens to the bricks then?",
    "Wie melde ich einen Umzug?",
]


@pytest.mark.parametrize("question", ON_ITS_OWN)
def test_a_question_of_its_own_is_left_alone(question):
    before = [{"question": "How do I feed the Harbour Cat?", "answer": "."}]
    assert resolve(question, before) == question


CHAINS = [
    (["What is the Elm scheduler?", "How do I stop it?"], "Does that lose jobs?", "elm scheduler"),
    (["How do the coast pass and the alpine pass differ?", "What does the alpine pass cost?"], "And the other one?",
     "cost coast pass"),
    (["How deep is Lake Ohrid?", "And Lake Prespa?"], "Who owns it?", "lake prespa"),
    (["What is the Elm scheduler?", "Thank you!"], "How do I stop it?", "elm scheduler"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "question", "words"), CHAINS)
def test_a_follow_up_of_a_follow_up_still_knows_the_subject(before, question, words):
    found = resolve(question, [{"question": each, "answer": ""} for each in before]).casefold()
    assert [word for word in words.split() if word not in found] == []


def test_a_person_who_was_asked_for_is_named_by_the_answer():
    before = [{"question": "Who founded the Elm Museum?", "answer": "The Elm Museum was founded by Jane Roe."}]
    assert resolve("When was she born?", before) == "When was she (Jane Roe) born?"
    assert "Elm Museum" in resolve("When does it open?", before)


def test_where_the_question_names_nothing_the_answer_does():
    before = [{"question": "What is that?", "answer": "The Elm Gate is a lock."}]
    assert resolve("How do I open it?", before) == "How do I open it (Elm Gate)?"


@pytest.mark.parametrize(
    ("question", "resolved"),
    [
        ("How much does it cost?", "How much does it (Oracle Autonomous Database) cost?"),
        ("And why?", "Why (Oracle Autonomous Database)?"),
        ("How does OCI Vault protect its keys?", "How does OCI Vault protect its keys?"),
        ("Is Oracle Autonomous Database free, and is it fast?", "Is Oracle Autonomous Database free, and is it fast?"),
    ],
)
def test_a_follow_up_names_what_it_refers_to(question, resolved):
    assert resolve(question, [{"question": "What is Oracle Autonomous Database?", "answer": "."}]) == resolved
    assert resolve(question, []) == question


@pytest.mark.parametrize(
    ("before", "question", "resolved"),
    [
        ("Which edition supports SSO?", "and does that cost extra?", "and does that (SSO, edition) cost extra?"),
        ("How does light mode connect?", "Does it need a client?", "Does it (light mode) need a client?"),
        ("What is Heronbase?", "Which Python does it support?", "Which Python does it (Heronbase) support?"),
        ("Wie hoch ist die Kaution?", "Wann bekomme ich sie zurück?", "Wann bekomme ich sie (Kaution) zurück?"),
        ("Wie kündige ich den Vertrag?", "Und wie lange dauert das?", "Und wie lange dauert das (Vertrag)?"),
        ("Wie kündige ich den Vertrag?", "Was kosten die Getränke?", "Was kosten die Getränke?"),
        ("Quel est le prix du billet ?", "Et pour les enfants ?", "Quel est le prix du billet pour les enfants ?"),
    ],
)
def test_a_pronoun_refers_to_the_conversation_unless_its_clause_names_something_before(before, question, resolved):
    assert resolve(question, [{"question": before, "answer": "."}]) == resolved

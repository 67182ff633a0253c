"""A job on the scripted model, on any engine: real ledger, threads, checkpoints and output file."""

import json
from contextlib import aclosing
from pathlib import Path

from experience.batch import BatchJob, JobOptions
from gateway import Answer
from gateway.scripted import read_calls
from state.channels import ResearchContext
from tests.crash.batch_victim import UNLIMITED, engine_of, stubbed_service
from tests.doubles.roles import plan, scripted

QUESTION = "When did the Falcon start; What does Tariff A cost"
CONTEXT = ResearchContext(model="scripted:m")
RUN_COST = 4


class Case:
    """One folder with its input, output and home."""

    def __init__(self, folder: Path, model=None, engine="local", **settings):
        self.folder, self.engine, self.settings = folder, engine, UNLIMITED | settings
        self.source, self.out, self.log = folder / "in.jsonl", folder / "out.jsonl", folder / "calls.jsonl"
        self.model = model or scripted(log=self.log)

    def write(self, *rows):
        self.source.write_text("".join(row if isinstance(row, str) else f"{json.dumps(row)}\n" for row in rows))
        return self

    def opened(self):
        return stubbed_service(self.folder / "home", self.model, **self.settings)

    def job(self, service, concurrency=4, **options):
        given = JobOptions(self.source, self.out, **{"context": CONTEXT, **options})
        engine = engine_of(self.engine, service, concurrency, self.folder / "home", self.model, **self.settings)
        return BatchJob(service, engine, given)

    async def run(self, **options):
        """Run the job to its end; return the new outcomes by line, and the summary."""
        async with self.opened() as service:
            job = self.job(service, **options)
            return {each.line: each for each in await collected(job)}, job.summary()

    def recorded(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()[1:]]

    def calls(self):
        return sum(call.event == "asked" for call in read_calls(self.log))


async def collected(job):
    return await collected_from(job.run())


async def collected_from(events):
    async with aclosing(events) as outcomes:
        return [outcome async for outcome in outcomes]


def asking(count):
    return [{"id": f"r{number}", "question": f"{QUESTION} number {number}"} for number in range(count)]


def failing_on(word, error, **options):
    """A model whose researcher fails for questions with `word`."""

    def play(fields, evidence):
        return Answer(raises=error) if word in fields["question"] else plan(fields, evidence)

    return scripted(ResearchPlan=play, **options)

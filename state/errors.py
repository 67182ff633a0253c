"""The error tree. Every error has a stable `code`, a message, and a `hint` that says what to do.

Each surface maps `code` once: to an exit status, an HTTP status or an MCP error. Codes are part of the API.

SixplaneError
├── BadInput                 bad_input              the caller's input is not usable
│   ├── QuestionInvalid      question_invalid       empty, too long, not text
│   ├── NameInvalid          name_invalid           a corpus, thread or tenant name outside its alphabet
│   ├── CorpusMissing        corpus_missing         no such corpus
│   ├── CorpusEmpty          corpus_empty           a corpus without passages
│   ├── EmbeddingMismatch    embedding_mismatch     the corpus was built with another embedding model
│   ├── ThreadMissing        thread_missing         no such thread
│   ├── RunMissing           run_missing            no such run
│   ├── KeyMissing           key_missing            no such API key
│   ├── ThreadNotResumable   thread_not_resumable   nothing to resume, or an answer is needed
│   ├── ModelUnknown         model_unknown          no such model
│   ├── ModelRetired         model_retired          the provider no longer serves the model
│   ├── ModelNotServed       model_not_served       a model of another region, API or way of serving
│   ├── PriceUnknown         price_unknown          the catalogue has no price for the model
│   ├── PromptTooLong        prompt_too_long        prompt and answer do not fit into the model's context
│   ├── UnsupportedSchema    unsupported_schema     the extractive model fills only role schemas
│   ├── BatchMismatch        batch_mismatch         the output file is not of this job
│   ├── CassetteUnusable     cassette_unusable      a cassette is missing, not valid, or lacks what a run asks
│   └── SettingsInvalid      settings_invalid       a setting is missing or wrong
├── PolicyRefusal            policy_refused         a guard refused
│   └── ContentRefused       content_refused        the provider's content filter refused
├── Unauthenticated          unauthenticated        no valid credentials
├── Forbidden                forbidden              the credentials do not allow it
├── BudgetExceeded           budget_exceeded        the budget of a scope does not cover a call
├── DependencyUnavailable    dependency_unavailable a service, database or disk fails
│   ├── AuditUnavailable     audit_unavailable      the audit trail cannot be written
│   ├── BatchBusy            batch_busy             another process is writing to the output file
│   ├── CorpusBusy           corpus_busy            another process is writing to the corpus
│   ├── CorpusCorrupt        corpus_corrupt         the corpus database cannot be read
│   ├── OutcomeUnknown       outcome_unknown        a COMMIT was lost: nobody knows whether it was stored
│   ├── StorageBusy          storage_busy           another process holds the database for too long
│   ├── StorageFull          storage_full           no space left on the device
│   ├── ThreadBusy           thread_busy            another run holds the thread, or it is unfinished
│   ├── TooBusy              too_busy               the queue of waiting runs is full
│   │   └── RateLimited      rate_limited           the caller has to wait
│   ├── ModelUnavailable     model_unavailable      the provider failed after all retries
│   ├── CredentialsRefused   credentials_refused    the provider does not accept the key, token or signature
│   ├── GuardUnavailable     guard_unavailable      a guard gave no verdict
│   └── SourceUnavailable    source_unavailable     a managed source did not answer
├── ModelOutputInvalid       model_output_invalid   an answer does not fit its schema, even after one repair
└── RunStopped               run_stopped            stopped on request, resumable
    └── ReviewPending        review_pending         a person has to answer first
"""

from __future__ import annotations

import copyreg
from typing import Any, ClassVar

from state.money import dollars


class SixplaneError(Exception):
    """Root of the tree.

    Args:
        message: what happened and why. Never contains secrets or the text of messages.
        hint: what the reader can do about it.
    """

    code: ClassVar[str] = "internal"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy the error into another process, whatever its class is made from."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class BadInput(SixplaneError):
    """The caller's input is not usable."""

    code = "bad_input"


class QuestionInvalid(BadInput):
    """The question is empty, too long or not text."""

    code = "question_invalid"


class NameInvalid(BadInput):
    """A corpus, thread or tenant name has characters outside its alphabet."""

    code = "name_invalid"
    default_hint = "use 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit"


class CorpusMissing(BadInput):
    """There is no corpus of that name."""

    code = "corpus_missing"
    default_hint = "run `sixplane ingest PATH --corpus NAME` first; `sixplane corpus list` shows what exists"


class CorpusEmpty(BadInput):
    """The corpus holds no passages."""

    code = "corpus_empty"
    default_hint = "run `sixplane ingest PATH --corpus NAME` first"


class EmbeddingMismatch(BadInput):
    """The corpus was built with another embedding model."""

    code = "embedding_mismatch"
    default_hint = "use the embedding model of the corpus, or ingest into a corpus of another name"


class ThreadMissing(BadInput):
    """There is no thread of that name."""

    code = "thread_missing"
    default_hint = "`sixplane threads` lists the threads"


class RunMissing(BadInput):
    """There is no run of that name."""

    code = "run_missing"
    default_hint = "`sixplane threads` lists the threads and their runs"


class KeyMissing(BadInput):
    """There is no API key of that name, or it was revoked already."""

    code = "key_missing"
    default_hint = "`sixplane keys list` lists the keys"


class ThreadNotResumable(BadInput):
    """The thread has nothing left to do, or waits for a person's answer."""

    code = "thread_not_resumable"


class ModelUnknown(BadInput):
    """There is no model of that name."""

    code = "model_unknown"
    default_hint = "`sixplane models` lists the models"


class ModelRetired(BadInput):
    """The provider no longer serves the model."""

    code = "model_retired"
    default_hint = "`sixplane models` lists the models"


class ModelNotServed(BadInput):
    """The provider serves the model in another region, on another API, or on dedicated clusters only."""

    code = "model_not_served"
    default_hint = "`sixplane models` lists the models"


class PriceUnknown(BadInput):
    """The catalogue has no price for the model. Without a price no budget could be enforced."""

    code = "price_unknown"
    default_hint = "set its price, as in your contract, under `[models.prices_micro_usd]` in sixplane.toml"


class PromptTooLong(BadInput):
    """Prompt and answer do not fit into the model's context."""

    code = "prompt_too_long"
    default_hint = (
        "use a model with a larger context, or raise SIXPLANE_OPENAI__CONTEXT_TOKENS if the server takes more; the "
        "passages are chosen to fit already"
    )


class UnsupportedSchema(BadInput):
    """The extractive model fills only the role schemas of `state`."""

    code = "unsupported_schema"
    default_hint = "use a generative model for other schemas, for example `--model openai:NAME`"


class BatchMismatch(BadInput):
    """The output file belongs to another job, or is not an output file."""

    code = "batch_mismatch"
    default_hint = "choose another `--out`"


class CassetteUnusable(BadInput):
    """A cassette is missing or not valid, or it has no answer to what a run asks."""

    code = "cassette_unusable"
    default_hint = "see tests/cassettes/README.md"


class SettingsInvalid(BadInput):
    """A setting is missing or wrong."""

    code = "settings_invalid"


class PolicyRefusal(SixplaneError):
    """A guard refused."""

    code = "policy_refused"


class ContentRefused(PolicyRefusal):
    """The content filter of the model's provider refused the request, or ended its answer."""

    code = "content_refused"
    default_hint = "rephrase the question, or choose another model"


class Unauthenticated(SixplaneError):
    """The request has no credentials, or they are not valid."""

    code = "unauthenticated"
    default_hint = "send `Authorization: Bearer …` with an API key or a token; `sixplane keys create` makes a key"


class Forbidden(SixplaneError):
    """The credentials are valid but do not allow the request."""

    code = "forbidden"


class BudgetExceeded(SixplaneError):
    """The budget of a scope does not cover the next call.

    Args:
        scope: the scope whose limit it is, for example `run`.
        limit: the limit in micro-dollars.
        needed: the scope's total with the call, in micro-dollars.
    """

    code = "budget_exceeded"

    def __init__(self, scope: str, limit: int, needed: int) -> None:
        super().__init__(
            f"the {scope} budget of {dollars(limit)} USD does not cover {dollars(needed)} USD",
            hint="raise the budget, or choose a cheaper model",
        )
        self.scope, self.limit, self.needed = scope, limit, needed


class DependencyUnavailable(SixplaneError):
    """A service, database or disk that the application depends on fails.

    `retry_after` is the number of seconds after which a retry may succeed, `None` if nobody knows.
    """

    code = "dependency_unavailable"
    retry_after: int | None = None


class AuditUnavailable(DependencyUnavailable):
    """The audit trail cannot be written, so nothing is done that has to be recorded."""

    code = "audit_unavailable"


class BatchBusy(DependencyUnavailable):
    """Another process is writing to the output file."""

    code = "batch_busy"
    default_hint = "wait for the other batch to end, or choose another `--out`"


class CorpusBusy(DependencyUnavailable):
    """Another process is writing to the corpus."""

    code = "corpus_busy"
    default_hint = "wait for the other ingestion to end, then run the command again"


class CorpusCorrupt(DependencyUnavailable):
    """The corpus database cannot be read."""

    code = "corpus_corrupt"
    default_hint = "restore the corpus folder from a backup, or remove it and ingest again"


class OutcomeUnknown(DependencyUnavailable):
    """The connection broke during a COMMIT: the changes are stored, or none of them is."""

    code = "outcome_unknown"
    default_hint = (
        "look whether it was stored before you do it again: `sixplane threads` and `sixplane corpus list` show what is "
        "there; `sixplane ingest` stores nothing twice"
    )


class StorageBusy(DependencyUnavailable):
    """Another process holds a database for too long. The database is sound."""

    code = "storage_busy"
    default_hint = "try again in a moment; if it stays busy, look for another process of Sixplane that hangs"
    retry_after = 5


class StorageFull(DependencyUnavailable):
    """There is no space left on the device."""

    code = "storage_full"
    default_hint = "free disk space, or set SIXPLANE_HOME to a folder on another disk, then run the command again"


class ThreadBusy(DependencyUnavailable):
    """Another run holds the thread, or its last run is unfinished. `ends`: whether that ends by itself."""

    code = "thread_busy"

    def __init__(self, message: str, *, hint: str | None = None, ends: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = 5 if ends else None  # a chosen value: nobody knows how long it takes


class TooBusy(DependencyUnavailable):
    """The queue of waiting runs is full.

    Args:
        message: which limit is reached.
        retry_after: seconds after which a retry may succeed.
    """

    code = "too_busy"
    retry_after: int

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, hint=f"try again in {retry_after} s")
        self.retry_after = retry_after


class RateLimited(TooBusy):
    """This caller has to wait before it may try again."""

    code = "rate_limited"


class ModelUnavailable(DependencyUnavailable):
    """The provider failed after all retries."""

    code = "model_unavailable"


class CredentialsRefused(DependencyUnavailable):
    """The provider does not accept the key, token or signature of the requests."""

    code = "credentials_refused"
    default_hint = "`sixplane doctor` checks the credentials"


class GuardUnavailable(DependencyUnavailable):
    """A guard gave no verdict."""

    code = "guard_unavailable"
    default_hint = "ask again in a few seconds; if it stays so, the log says why the guard fails"
    retry_after = 5


class SourceUnavailable(DependencyUnavailable):
    """A managed source did not answer, after all attempts."""

    code = "source_unavailable"


class ModelOutputInvalid(SixplaneError):
    """A model's answer does not fit the schema of its role, even after one repair."""

    code = "model_output_invalid"
    default_hint = "use a stronger model for this role"


class RunStopped(SixplaneError):
    """The run was stopped on request; its thread can be resumed."""

    code = "run_stopped"
    default_hint = "`sixplane resume THREAD` continues it"


class ReviewPending(RunStopped):
    """The run waits for a person's decision."""

    code = "review_pending"
    default_hint = "`sixplane resume THREAD` with `--approve`, `--revise TEXT` or `--reject` answers it"

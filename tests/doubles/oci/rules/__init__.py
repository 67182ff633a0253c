"""What the local OCI refuses, as the service does.

`schema` knows the shape of each request from the SDK's own models, `models` what each model takes, and `limits` the
figures of Oracle's documentation.

What we do not know about the service, and so may be stricter or more lenient in the double:

- the words of its error messages, and whether `code` is a number or a name: others saw `400` with "Please pass in
  correct format of request." and `404` with "Entity with key … not found";
- which status a retired model has: 404, as for a model that never was;
- how it counts the tokens of a prompt: four characters are one here;
- the highest `numGenerations` (5 here), the longest lists of stop sequences and tools, the most documents of a rerank;
- whether it takes COHEREV2 for Cohere models without vision, and `null` in place of a field that is left out: both are
  taken here;
- which combinations of parameters a single model refuses (`temperature` of reasoning models, `topK` of OpenAI's);
- which regions serve which model, and whether a compartment that exists and one that does not are told apart;
- how long a retry token is remembered, and whether `chat` honours it: here it does, as long as the server lives;
- whether an empty input of an embedding is refused: here it is;
- whether a stream reports an error as an event, and in which shape; whether guardrails find words of a blocklist.
"""

from tests.doubles.oci.rules.limits import Refused, check_chat, check_embed, check_guardrails, check_rerank
from tests.doubles.oci.rules.models import SERVED, ServedModel
from tests.doubles.oci.rules.schema import faults_of

__all__ = [
    "SERVED",
    "Refused",
    "ServedModel",
    "check_chat",
    "check_embed",
    "check_guardrails",
    "check_rerank",
    "faults_of",
]

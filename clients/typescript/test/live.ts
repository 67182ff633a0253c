/** Uses the client on a running server: `node build/test/live.js URL KEY ADMIN_KEY CORPUS QUESTION WORDS`. */

import assert from "node:assert/strict";

import { ApiError, type ChatRequest, NotFinished, type RunEvent, Sixplane } from "../src/index.js";

const [baseUrl = "", apiKey = "", adminKey = "", corpus = "", question = "", words = ""] = process.argv.slice(2);
const sixplane = new Sixplane({ baseUrl, apiKey });

function asked(content: string, model = `sixplane/${corpus}`): ChatRequest {
  return { messages: [{ role: "user", content }], model, parameters: { length: "brief" } };
}

async function rejected(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => assert.fail("the call was answered"),
    (error: unknown) => error,
  );
}

async function chats(): Promise<void> {
  const answer = await sixplane.chat(asked(question));
  assert.ok(answer.content.includes(words));
  assert.equal(answer.metadata.status, "answered");
  assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  assert.ok(answer.report.claims[0]?.citations[0]?.quote);
}

async function streams(): Promise<void> {
  let text = "";
  let last: RunEvent | undefined;
  for await (const event of sixplane.streamChat(asked(question))) {
    if (event.type === "text") text += event.text;
    last = event;
  }
  assert.ok(text.includes(words));
  assert.ok(last?.type === "report" && last.report.markdown === text);
  for await (const event of sixplane.streamRun(last.report.run_id)) {
    assert.equal(event.type, "run_started");
    break; // leaves the stream in its middle
  }
}

async function batches(): Promise<void> {
  const { items } = await sixplane.batchProcess({ requests: [asked(question), asked(question, "sixplane/none")] });
  assert.ok(items[0]?.response?.content.includes(words));
  assert.equal(items[1]?.problem?.code, "corpus_missing");
}

async function health(): Promise<void> {
  const { checks, status } = await new Sixplane({ baseUrl, apiKey: adminKey }).health();
  assert.equal(status, "ready");
  assert.ok(checks.some((check) => check.essential && check.ok));
  const { data } = await sixplane.api.GET("/v1/health/ready");
  assert.equal(data?.status, "ready");
}

async function errors(): Promise<void> {
  const missing = await rejected(sixplane.chat(asked(question, "sixplane/none")));
  assert.ok(missing instanceof ApiError);
  assert.deepEqual([missing.status, missing.code, missing.retryAfter], [404, "corpus_missing", undefined]);
  assert.ok(missing.hint && missing.requestId);
  const invalid = await rejected(sixplane.streamChat(asked("👍")).next());
  assert.ok(invalid instanceof ApiError);
  assert.deepEqual(invalid.faults.map((fault) => fault.place), ["body.messages.0.user.content"]);
  const stranger = await rejected(new Sixplane({ baseUrl }).health());
  assert.ok(stranger instanceof ApiError && stranger.code === "unauthenticated");
  const limited = async () =>
    new Response(JSON.stringify({ ...missing.problem, status: 429, code: "too_busy" }), {
      status: 429,
      headers: { "content-type": "application/problem+json", "retry-after": "7" },
    });
  const busy = await rejected(new Sixplane({ baseUrl, fetch: limited }).chat(asked(question)));
  assert.ok(busy instanceof ApiError && busy.retryAfter === 7);
}

async function reviews(): Promise<void> {
  const request = { ...asked(question), context: { corpus, human_review: true } };
  const waiting = await rejected(sixplane.chat(request));
  assert.ok(waiting instanceof NotFinished && waiting.pending.status === "review_pending");
  const report = await sixplane.resumeThread(waiting.pending.thread_id, { answer: { decision: "approve" } });
  assert.equal(report.status, "answered");
}

async function uploads(): Promise<void> {
  const file = { name: "heron.md", content: new Blob(["# Heron\n\nThe Heron has a hull of titanium.\n"]) };
  const kinds: string[] = [];
  for await (const event of sixplane.streamIngest("ships", [file])) kinds.push(event.type);
  assert.equal(kinds.at(-1), "report");
  assert.equal((await sixplane.ingest("ships", [file])).unchanged, 1);
  const { passages } = await sixplane.search("ships", { query: "What is the hull made of?" });
  assert.ok(passages[0]?.text.includes("titanium"));
}

/** Answers with one event and then loses the connection, or with the answer of `instead` where there is one. */
function cutting(instead: (Response | Error | undefined)[] = [], ending = Infinity) {
  const seen: (string | null)[] = [];
  const pauses: number[] = [];
  let sent = 0;
  const fetch = async (request: Request) => {
    seen.push(request.headers.get("last-event-id"));
    const other = instead[seen.length - 1];
    if (other instanceof Error) throw other;
    if (other !== undefined) return other;
    sent += 1;
    const event = { type: "text", sequence: sent, text: "x" };
    const pieces = [new TextEncoder().encode(`id: r.e:${sent}\ndata: ${JSON.stringify(event)}\n\n`)];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const piece = pieces.shift();
        if (piece) return controller.enqueue(piece);
        // An error discards what was not read yet.
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (sent === ending) controller.close();
        else controller.error(new TypeError("cut"));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const sleep = async (seconds: number) => void pauses.push(seconds);
  return { fetch, seen, pauses, client: new Sixplane({ baseUrl, fetch, sleep }) };
}

function unavailable(status: number, retryAfter?: string): Response {
  return new Response("", { status, headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } });
}

async function consumed(events: AsyncIterable<RunEvent>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const event of events) numbers.push(event.sequence);
  return numbers;
}

async function reconnects(): Promise<void> {
  const { client, seen, pauses } = cutting([], 3);
  assert.deepEqual(await consumed(client.streamRun("r")), [1, 2, 3]);
  assert.deepEqual(seen, [null, "r.e:1", "r.e:2"]);
  assert.ok(pauses.length === 2 && pauses.every((seconds) => seconds >= 0.25 && seconds <= 0.5));
}

async function waits(): Promise<void> {
  const refused = new TypeError("fetch failed");
  const restart = [undefined, refused, unavailable(502), unavailable(503, "7"), unavailable(409)];
  const { client, seen, pauses } = cutting(restart, 2);
  assert.deepEqual(await consumed(client.streamRun("r")), [1, 2]);
  assert.deepEqual(seen, [null, ...Array<string>(5).fill("r.e:1")]);
  const bounds = [0.5, 1, 2, 7, 8];
  assert.equal(pauses.length, bounds.length);
  pauses.forEach((seconds, i) => assert.ok(seconds <= bounds[i]! && seconds >= bounds[i]! / 2));
  assert.equal(pauses[3], 7);
}

async function givesUp(): Promise<void> {
  const down = cutting([undefined, ...Array<Error>(1000).fill(new TypeError("fetch failed"))]);
  assert.equal(((await rejected(consumed(down.client.streamRun("r")))) as Error).message, "fetch failed");
  const total = down.pauses.reduce((sum, seconds) => sum + seconds, 0);
  assert.ok(total <= 120 && total > 100);
  for (const answer of [unavailable(404), unavailable(503, "3600"), unavailable(503, "Fri, 31 Dec 9999 23:59:59 GMT")]) {
    const gone = cutting([undefined, answer]);
    const error = await rejected(consumed(gone.client.streamRun("r")));
    assert.ok(error instanceof ApiError && error.status === answer.status);
    assert.equal(gone.pauses.length, 1); // the one after the cut
  }
  const first = cutting([unavailable(503, "1")]);
  assert.ok((await rejected(consumed(first.client.streamRun("r")))) instanceof ApiError);
  assert.deepEqual(first.pauses, []);
}

async function aborts(): Promise<void> {
  const leaving = new AbortController();
  const { seen, fetch } = cutting([undefined, unavailable(503, "100")]);
  const patient = new Sixplane({
    baseUrl,
    fetch: async (request) => {
      const answer = await fetch(request);
      if (seen.length === 2) setTimeout(() => leaving.abort(), 20); // in the pause of 100 seconds
      return answer;
    },
  });
  const error = await rejected(consumed(patient.streamRun("r", { signal: leaving.signal })));
  assert.ok(error instanceof DOMException && error.name === "AbortError");
}

for (const step of [chats, streams, batches, health, errors, reviews, uploads, reconnects, waits, givesUp, aborts]) {
  await step();
  console.log(step.name);
}

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

async function reconnects(): Promise<void> {
  const seen: (string | null)[] = [];
  const cut = async (request: Request) => {
    seen.push(request.headers.get("last-event-id"));
    const event = { type: "text", sequence: seen.length, text: "x" };
    const pieces = [new TextEncoder().encode(`id: r.e:${seen.length}\ndata: ${JSON.stringify(event)}\n\n`)];
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const piece = pieces.shift();
        if (piece) return controller.enqueue(piece);
        // An error discards what was not read yet.
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (seen.length === 3) controller.close();
        else controller.error(new TypeError("cut"));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const numbers: number[] = [];
  for await (const event of new Sixplane({ baseUrl, fetch: cut }).streamRun("r")) numbers.push(event.sequence);
  assert.deepEqual(numbers, [1, 2, 3]);
  assert.deepEqual(seen, [null, "r.e:1", "r.e:2"]);
}

for (const step of [chats, streams, batches, health, errors, reviews, uploads, reconnects]) {
  await step();
  console.log(step.name);
}

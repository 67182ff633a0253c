/** The client: the operations that most programs need as methods, and all of them by their paths in `api`. */

import createClient, { type Client } from "openapi-fetch";

import { errorOf, NotFinished } from "./errors.js";
import { eventsOf, type Waiting } from "./events.js";
import type { Sleep } from "./patience.js";
import type {
  BatchRequest,
  BatchResult,
  ChatRequest,
  ChatResponse,
  HealthStatus,
  IngestEvent,
  IngestReport,
  paths,
  Pending,
  Report,
  ResumeRequest,
  RunEvent,
  SafePassages,
  SearchRequest,
} from "./schema.js";

/** Where the server is, and who asks. */
export interface Options {
  /** The server's address, for example `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** A key of `sixplane keys create`, or a token; none for a server without authentication. */
  apiKey?: string;
  /** Sends the requests; the platform's `fetch` unless it is given. */
  fetch?: (request: Request) => Promise<Response>;
  /** Waits before a stream that was lost is taken up; a timer unless it is given. */
  sleep?: Sleep;
}

/** How one call is made. */
export interface CallOptions {
  /** Ends the call. A run whose caller left goes on for a while; see the server's documentation. */
  signal?: AbortSignal;
}

/** Files of an upload; the suffix of a name selects the format. */
export type Upload = File | { name: string; content: Blob };

/** Options of an upload. */
export interface IngestOptions extends CallOptions {
  /** Who may read the documents, if they name nobody themselves. */
  audience?: readonly string[];
}

/** A client of a Sixplane server. Every call rejects with `ApiError` if the server answers with a problem. */
export class Sixplane {
  /** Every operation by its path, for example `api.GET("/v1/threads")`. */
  readonly api: Client<paths>;
  readonly #sleep: Sleep | undefined;

  constructor(options: Options) {
    this.#sleep = options.sleep;
    const { baseUrl, apiKey, fetch } = options;
    this.api = createClient<paths>({
      baseUrl,
      ...(fetch ? { fetch } : {}),
      headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {},
    });
    this.api.use({
      async onResponse({ response }) {
        // A probe answers 503 with its state, which is no problem.
        const isAnswer = response.ok || response.headers.get("content-type") === "application/json";
        if (!isAnswer) throw await errorOf(response);
        return undefined;
      },
    });
  }

  /** Answer the last user message and wait for the report. Rejects with `NotFinished` if the run ends without one. */
  async chat(request: ChatRequest, options: CallOptions = {}): Promise<ChatResponse> {
    return finished<ChatResponse>(await this.api.POST("/v1/chat", { body: request, ...options }));
  }

  /** Answer the last user message; iterate over the events of its run. */
  streamChat(request: ChatRequest, options: CallOptions = {}): AsyncGenerator<RunEvent, void> {
    return eventsOf<RunEvent>(async (last) => {
      const given = { body: request, parseAs: "stream", headers: resuming(last), ...options } as const;
      return (await this.api.POST("/v1/chat/stream", given)).response;
    }, this.#waiting(options));
  }

  /** Answer several requests. A failed item does not affect the others. */
  async batchProcess(request: BatchRequest, options: CallOptions = {}): Promise<BatchResult> {
    return sent(await this.api.POST("/v1/batch", { body: request, ...options }));
  }

  /** Return every check with its remedy. For administrators; anybody may ask `api.GET("/v1/health/ready")`. */
  async health(options: CallOptions = {}): Promise<HealthStatus> {
    return sent(await this.api.GET("/v1/health", { ...options }));
  }

  /** Iterate over the events of a run, from the first one. */
  streamRun(runId: string, options: CallOptions = {}): AsyncGenerator<RunEvent, void> {
    return eventsOf<RunEvent>(async (last) => {
      const params = { path: { run_id: runId } };
      const given = { params, parseAs: "stream", headers: resuming(last), ...options } as const;
      return (await this.api.GET("/v1/runs/{run_id}/events", given)).response;
    }, this.#waiting(options));
  }

  /** Continue a stopped thread, or answer its review, and wait for the report. */
  async resumeThread(threadId: string, request: ResumeRequest = {}, options: CallOptions = {}): Promise<Report> {
    const given = { params: { path: { thread_id: threadId } }, body: request, ...options };
    return finished<Report>(await this.api.POST("/v1/threads/{thread_id}/resume", given));
  }

  /** Continue a stopped thread, or answer its review; iterate over the events. */
  streamResume(threadId: string, request: ResumeRequest = {}, options: CallOptions = {}): AsyncGenerator<RunEvent, void> {
    return eventsOf<RunEvent>(async (last) => {
      const params = { path: { thread_id: threadId } };
      const given = { params, body: request, parseAs: "stream", headers: resuming(last), ...options } as const;
      return (await this.api.POST("/v1/threads/{thread_id}/resume/stream", given)).response;
    }, this.#waiting(options));
  }

  /** Find passages in a corpus. */
  async search(corpus: string, request: SearchRequest, options: CallOptions = {}): Promise<SafePassages> {
    const given = { params: { path: { corpus } }, body: request, ...options };
    return sent(await this.api.POST("/v1/corpora/{corpus}/search", given));
  }

  /** Ingest files into a corpus, which is made if there is none. */
  async ingest(corpus: string, files: readonly Upload[], options: IngestOptions = {}): Promise<IngestReport> {
    return sent(await this.api.POST("/v1/corpora/{corpus}/documents", upload(corpus, files, options)));
  }

  /** Ingest files; iterate over the progress, which ends with the report. */
  streamIngest(corpus: string, files: readonly Upload[], options: IngestOptions = {}): AsyncGenerator<IngestEvent, void> {
    return eventsOf<IngestEvent>(async () => {
      const given = { ...upload(corpus, files, options), parseAs: "stream" } as const;
      return (await this.api.POST("/v1/corpora/{corpus}/documents/stream", given)).response;
    }, this.#waiting(options));
  }

  #waiting({ signal }: CallOptions): Waiting {
    return { sleep: this.#sleep, signal };
  }
}

interface Answered {
  data?: unknown;
  response: Response;
}

/** Return the data of an answer with which its run has ended. */
function finished<T>(answered: Answered): T {
  if (answered.response.status === 202) throw new NotFinished(answered.data as Pending);
  return sent(answered as Answered & { data?: T });
}

function sent<T>(answered: { data?: T; response: Response }): T {
  if (answered.data === undefined) {
    throw new TypeError(`${answered.response.url} answered ${answered.response.status} without data`);
  }
  return answered.data;
}

function resuming(last: string | undefined): Record<string, string> {
  return last === undefined ? {} : { "last-event-id": last };
}

function upload(corpus: string, files: readonly Upload[], { audience, ...options }: IngestOptions) {
  const form = new FormData();
  for (const file of files) {
    if (file instanceof File) form.append("files", file);
    else form.append("files", file.content, file.name);
  }
  for (const each of audience ?? []) form.append("audience", each);
  const body = { files: [] as string[] }; // what OpenAPI knows of a form; `bodySerializer` sends the files
  return { params: { path: { corpus } }, body, bodySerializer: () => form, ...options };
}


/** What a call rejects with: `ApiError` for a problem, `NotFinished` for a run without a report. */

import type { Fault, Pending, Problem } from "./schema.js";

/** The server answered with a problem (RFC 9457). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The whole problem. */
    readonly problem: Problem,
    /** Seconds after which the same request may succeed, if the server says so. */
    readonly retryAfter: number | undefined,
    /** The id by which the server's log names the request. */
    readonly requestId: string,
  ) {
    const hint = problem.hint ? `; ${problem.hint}` : "";
    super(`${problem.status} ${problem.code}: ${problem.detail}${hint}`);
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }

  /** The stable code, for example `budget_exceeded`. */
  get code(): string {
    return this.problem.code;
  }

  /** The remedy; empty if there is none. */
  get hint(): string {
    return this.problem.hint;
  }

  /** The invalid fields of the request. */
  get faults(): readonly Fault[] {
    return this.problem.faults;
  }
}

/** The run ended without a report: it waits for a review, or it was stopped. `resumeThread` goes on with it. */
export class NotFinished extends Error {
  override readonly name = "NotFinished";

  constructor(readonly pending: Pending) {
    super(`the run of the thread '${pending.thread_id}' has no report: ${pending.status}`);
  }
}

/** Return the error of a response. One that is no problem is of something before the server. */
export async function errorOf(response: Response): Promise<ApiError> {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
  return new ApiError(
    isProblem ? ((await response.json()) as Problem) : unknownProblem(response),
    secondsOf(response.headers.get("retry-after") ?? ""),
    response.headers.get("x-request-id") ?? "",
  );
}

function unknownProblem(response: Response): Problem {
  return {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail: response.statusText || "the answer is not one of Sixplane",
    code: "http",
    hint: "check the address, and what stands between the client and the server",
    faults: [],
  };
}

/** Return the seconds of a `Retry-After` header, which is a number or a date (RFC 9110, 10.2.3). */
function secondsOf(retryAfter: string): number | undefined {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const when = Date.parse(retryAfter);
  return Number.isNaN(when) ? undefined : Math.max((when - Date.now()) / 1000, 0);
}

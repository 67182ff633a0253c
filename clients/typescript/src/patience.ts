/** How long to wait before a stream whose connection was lost is taken up again. */

import { ApiError } from "./errors.js";

/** The first pause after an event. Each further one is twice as long. A chosen value, like the two below. */
export const FIRST_SECONDS = 0.5;

/** The longest pause that the client chooses itself. */
export const LONGEST_SECONDS = 15;

/**
 * The most seconds of all pauses of one stream: twice `run.lease_seconds`, after which a server by default takes up the runs of
 * a process that was killed.
 */
export const PATIENCE_SECONDS = 120;

/** The statuses of a server that restarts or waits for the lease of a killed process, and of a balancer before it. */
const NOT_YET: ReadonlySet<number> = new Set([409, 429, 502, 503, 504]);

/** Waits some seconds; rejects with the signal's reason as soon as that is aborted. */
export type Sleep = (seconds: number, signal?: AbortSignal) => Promise<void>;

/** The pauses of one stream: they grow until an event comes, and have a bounded total. */
export class Patience {
  #next = FIRST_SECONDS;
  #left = PATIENCE_SECONDS;

  constructor(private readonly sleep: Sleep = pause) {}

  /** An event came: the next pause is a short one. */
  renew(): void {
    this.#next = FIRST_SECONDS;
  }

  /** Wait after `lost`. Rejects with it if it does not change by itself, or if the stream has waited long enough. */
  async wait(lost: unknown, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || isAbort(lost)) throw lost;
    if (lost instanceof ApiError && !NOT_YET.has(lost.status)) throw lost;
    // Clients that one server has lost together come back at different times.
    const chosen = (0.5 + Math.random() / 2) * this.#next;
    const seconds = Math.max(chosen, lost instanceof ApiError ? (lost.retryAfter ?? 0) : 0);
    if (seconds > this.#left) throw lost;
    this.#left -= seconds;
    this.#next = Math.min(2 * this.#next, LONGEST_SECONDS);
    await this.sleep(seconds, signal);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

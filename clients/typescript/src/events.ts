/** Server-sent events as an asynchronous iterator that takes up a lost connection. */

import { EventSourceParserStream } from "eventsource-parser/stream";

import { Patience, type Sleep } from "./patience.js";

/** How a stream waits before it is taken up. */
export interface Waiting {
  sleep?: Sleep | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Yield the events of a stream.
 *
 * @param open sends the request; `last` is the id of the last event if the stream is taken up again.
 */
export async function* eventsOf<T>(
  open: (last: string | undefined) => Promise<Response>,
  waiting: Waiting = {},
): AsyncGenerator<T, void> {
  const patience = new Patience(waiting.sleep);
  let last: string | undefined;
  for (;;) {
    try {
      for await (const message of messagesOf(await open(last))) {
        last = message.id ?? last;
        patience.renew();
        yield JSON.parse(message.data) as T;
      }
      return;
    } catch (error) {
      if (last === undefined || error instanceof SyntaxError) throw error;
      await patience.wait(error, waiting.signal);
    }
  }
}

type Message = { data: string; id?: string | undefined };

async function* messagesOf(response: Response): AsyncGenerator<Message, void> {
  if (response.body === null) throw new TypeError("the stream has no body");
  // TypeScript's own types of the two streams differ in what a decoder takes.
  const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>;
  const reader = response.body.pipeThrough(decoder).pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (;;) {
      const read = await reader.read();
      if (read.done) return;
      yield read.value;
    }
  } finally {
    // A caller that leaves its loop ends the request; a stream that is lost cannot be cancelled.
    await reader.cancel().catch(() => undefined);
  }
}

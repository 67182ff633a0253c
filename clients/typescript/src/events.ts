/** Server-sent events as an asynchronous iterator that takes up a lost connection. */

import { EventSourceParserStream } from "eventsource-parser/stream";

const RECONNECTS = 3;

/**
 * Yield the events of a stream.
 *
 * @param open sends the request; `last` is the id of the last event if the stream is taken up again.
 */
export async function* eventsOf<T>(open: (last: string | undefined) => Promise<Response>): AsyncGenerator<T, void> {
  let last: string | undefined;
  for (let left = RECONNECTS; ; left--) {
    const response = await open(last);
    const reader = messagesOf(response).getReader();
    try {
      for (;;) {
        const read = await next(reader);
        if (read instanceof Lost) {
          if (last === undefined || left === 0) throw read.cause;
          break;
        }
        if (read.done) return;
        last = read.value.id ?? last;
        yield JSON.parse(read.value.data) as T;
      }
    } finally {
      // A caller that leaves its loop ends the request; a stream that is lost cannot be cancelled.
      await reader.cancel().catch(() => undefined);
    }
  }
}

class Lost {
  constructor(readonly cause: unknown) {}
}

type Message = { data: string; id?: string | undefined };

async function next(reader: ReadableStreamDefaultReader<Message>): Promise<ReadableStreamReadResult<Message> | Lost> {
  try {
    return await reader.read();
  } catch (error) {
    return isAbort(error) ? Promise.reject(error) : new Lost(error);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function messagesOf(response: Response): ReadableStream<Message> {
  if (response.body === null) throw new TypeError("the stream has no body");
  // TypeScript's own types of the two streams differ in what a decoder takes.
  const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>;
  return response.body.pipeThrough(decoder).pipeThrough(new EventSourceParserStream());
}

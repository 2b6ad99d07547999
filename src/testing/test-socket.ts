import { WebSocket } from 'ws';
import { waitUntil } from './wait-until.ts';
import type { ServerFrameJson } from '../protocol/http/frames.ts';

type FrameOf<T extends ServerFrameJson['type']> = Extract<ServerFrameJson, { type: T }>;

/** A client's end of `/v1/ws` that keeps all it was told. */
export class TestSocket {
  readonly frames: ServerFrameJson[] = [];
  readonly ws: WebSocket;
  closed: { readonly code: number; readonly reason: string } | null = null;
  /** What the upgrade was refused with. */
  refusedWith: number | null = null;
  readonly #taken = new Map<string, number>();

  constructor(url: string, options: { readonly headers?: Record<string, string> } = {}) {
    this.ws = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/ws`, options);
    this.ws.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as ServerFrameJson));
    this.ws.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    this.ws.on('unexpected-response', (_request, response) => {
      this.refusedWith = response.statusCode ?? 0;
      this.ws.terminate();
    });
    this.ws.on('error', () => undefined);
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  of<T extends ServerFrameJson['type']>(type: T): FrameOf<T>[] {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  /** The next frame of a type that was not asked for before. */
  async next<T extends ServerFrameJson['type']>(type: T): Promise<FrameOf<T>> {
    const taken = this.#taken.get(type) ?? 0;
    await waitUntil(() => this.of(type).length > taken || this.closed !== null, 10_000, `a ${type} frame`);
    const frame = this.of(type)[taken];
    if (frame === undefined) throw new Error(`closed (${JSON.stringify(this.closed)}) before a ${type} frame came`);
    this.#taken.set(type, taken + 1);
    return frame;
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    await waitUntil(() => this.closed !== null, 10_000, 'the socket to close');
    return this.closed!;
  }

  /** Texts are sealed; what identifies a message is its sequence number. */
  seqs(room: string): number[] {
    return this.of('event').flatMap(({ event }) =>
      event.kind === 'message' && event.room === room ? [event.seq] : [],
    );
  }

  close(): void {
    this.ws.close();
  }
}

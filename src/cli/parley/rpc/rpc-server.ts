import { Command, CommanderError } from 'commander';
import { ParleyError } from '../../../protocol/errors.ts';
import { idIn, parseRequest, type RequestId } from './request.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { InputLine } from './lines.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

/** A program that asks for more at once has lost count. */
const RUNNING_MAX = 64;

/** What is answered, one JSON object per line; every request has exactly one last line, `done` or `error`. */
export type RpcAnswer =
  | { readonly id: RequestId; readonly result: object }
  | { readonly id: RequestId; readonly note: string }
  | { readonly id: RequestId; readonly done: true }
  | {
      readonly id: RequestId | null;
      readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
    };

export type AddVerbs = (parley: Command, run: Run) => void;

interface Running {
  readonly stop: AbortController;
  takesLong: boolean;
}

/**
 * The verbs of `parley` for a program in any language: requests come as lines, and run side by side in one process
 * with one store and one identity.
 */
export class RpcServer {
  readonly #client: ParleyClient;
  readonly #addVerbs: AddVerbs;
  readonly #answer: (answer: RpcAnswer) => void;
  readonly #running = new Map<RequestId, Running>();
  readonly #ends = new Set<Promise<void>>();

  constructor(client: ParleyClient, addVerbs: AddVerbs, answer: (answer: RpcAnswer) => void) {
    this.#client = client;
    this.#addVerbs = addVerbs;
    this.#answer = answer;
  }

  /** Until the input ends; then what would go on for ever is stopped, and the rest is done. */
  async serve(lines: AsyncIterable<InputLine>): Promise<void> {
    for await (const line of lines) this.#take(line);
    this.stopWaiting();
    await Promise.all(this.#ends);
  }

  /** Ends the verbs that wait for something. */
  stopWaiting(): void {
    for (const { stop, takesLong } of this.#running.values()) if (takesLong) stop.abort();
  }

  #take(line: InputLine): void {
    if ('tooLong' in line) {
      this.#fail(null, new ParleyError('payload_too_large', 'A line is longer than 1 MiB.'));
      return;
    }
    if (line.text.trim() === '') return;
    try {
      const request = parseRequest(line.text);
      if ('verb' in request) this.#begin(request.id, request.verb);
      else this.#cancel(request.id, request.cancel);
    } catch (error) {
      this.#fail(idIn(line.text), error);
    }
  }

  #begin(id: RequestId, verb: readonly string[]): void {
    if (this.#running.has(id)) throw new ParleyError('usage', 'A request with this id is running.');
    if (this.#running.size >= RUNNING_MAX) throw new ParleyError('too_many', `${RUNNING_MAX} requests are running.`);
    const running: Running = { stop: new AbortController(), takesLong: false };
    this.#running.set(id, running);
    const end = this.#run(id, verb, running).then(
      () => this.#answer({ id, done: true }),
      (error: unknown) => this.#fail(id, error),
    );
    this.#ends.add(end);
    void end.finally(() => {
      this.#running.delete(id);
      this.#ends.delete(end);
    });
  }

  #cancel(id: RequestId, target: RequestId): void {
    const running = this.#running.get(target);
    if (running === undefined) throw new ParleyError('not_found', 'No request with this id is running.');
    running.stop.abort();
    this.#answer({ id, done: true });
  }

  async #run(id: RequestId, verb: readonly string[], running: Running): Promise<void> {
    const said: string[] = [];
    const say = (text: string): void => void said.push(text);
    const program = new Command('parley').exitOverride().configureOutput({ writeOut: say, writeErr: say });
    const terminal: Terminal = {
      json: true,
      signal: running.stop.signal,
      result: (result) => this.#answer({ id, result }),
      note: (note) => this.#answer({ id, note }),
      isInteractive: false,
      ask: () => Promise.reject(new ParleyError('usage', 'There is nobody to be asked here.')),
      askSecret: () => Promise.reject(new ParleyError('usage', 'There is nobody to be asked here.')),
      standardInput: () => Promise.reject(new ParleyError('usage', 'There is no standard input here.')),
    };
    this.#addVerbs(program, async (work, { takesLong } = { takesLong: false }) => {
      running.takesLong = takesLong;
      await work(this.#client, terminal);
    });
    try {
      await program.parseAsync(verb, { from: 'user' });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      const text = said.join('').trim();
      if (error.exitCode === 0) this.#answer({ id, note: text });
      else throw new ParleyError('usage', text === '' ? error.message : text, { cause: error });
    }
  }

  #fail(id: RequestId | null, error: unknown): void {
    const known = error instanceof ParleyError ? error : new ParleyError('internal', String(error), { cause: error });
    const { code, message, retryable } = known;
    this.#answer({ id, error: { code, message, retryable } });
  }
}

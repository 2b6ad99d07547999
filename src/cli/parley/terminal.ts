import { ParleyError } from '../../protocol/errors.ts';
import { askPerson } from './ask.ts';
import { printable } from '../printable.ts';

/** Far more than a text may have; whatever is longer is not kept in memory to be refused. */
const STDIN_BYTES_MAX = 1024 * 1024;

/** Where a verb's results and remarks go, and what it hears of the person. */
export interface Terminal {
  /** One JSON object per line, for programs, instead of text for people. */
  readonly json: boolean;
  /** Aborts when the person wants to end. */
  readonly signal: AbortSignal;
  /** Whether a person can be asked. */
  readonly isInteractive: boolean;
  /** A result: as JSON, or as text. */
  result(object: object, text: string): void;
  /** A remark for people, beside the results. */
  note(text: string): void;
  /** One line of the keyboard. @throws ParleyError `usage` where nobody can be asked */
  ask(question: string): Promise<string>;
  /** The same, without showing what is typed. */
  askSecret(question: string): Promise<string>;
  /** All of standard input as text, without the line break that ends it. @throws ParleyError `usage` */
  standardInput(): Promise<string>;
}

/** The terminal, or the pipes, of this process. */
export class ProcessTerminal implements Terminal {
  readonly json: boolean;
  readonly signal: AbortSignal;
  readonly #onAsk: () => void;

  /** @param onAsk told when the person is asked something: from then on it is not the cluster that is waited for */
  constructor(json: boolean, signal: AbortSignal, onAsk: () => void = () => {}) {
    this.json = json;
    this.signal = signal;
    this.#onAsk = onAsk;
  }

  result(object: object, text: string): void {
    process.stdout.write(this.json ? `${JSON.stringify(object)}\n` : `${text}\n`);
  }

  note(text: string): void {
    process.stderr.write(`parley: ${printable(text)}\n`);
  }

  get isInteractive(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY && !this.json;
  }

  ask(question: string): Promise<string> {
    this.#onAsk();
    return askPerson(question, false, this.signal);
  }

  askSecret(question: string): Promise<string> {
    this.#onAsk();
    return askPerson(question, true, this.signal);
  }

  standardInput(): Promise<string> {
    return readText(process.stdin);
  }
}

async function readText(input: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > STDIN_BYTES_MAX)
      throw new ParleyError('payload_too_large', 'Standard input is too long for a message.');
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new ParleyError('usage', 'Standard input is not text in UTF-8.', { cause });
  }
}

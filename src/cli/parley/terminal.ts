import { ParleyError } from '../../protocol/errors.ts';
import { printable } from '../printable.ts';

/** Far more than a text may have; whatever is longer is not kept in memory to be refused. */
const STDIN_BYTES_MAX = 1024 * 1024;

/** Where a verb's results and remarks go. */
export class Terminal {
  /** One JSON object per line, for programs, instead of text for people. */
  readonly json: boolean;
  /** Aborts when the person wants to end. */
  readonly signal: AbortSignal;

  constructor(json: boolean, signal: AbortSignal) {
    this.json = json;
    this.signal = signal;
  }

  /** A result: as JSON, or as text. */
  result(object: object, text: string): void {
    process.stdout.write(this.json ? `${JSON.stringify(object)}\n` : `${text}\n`);
  }

  /** A remark for people, beside the results. */
  note(text: string): void {
    process.stderr.write(`parley: ${printable(text)}\n`);
  }
}

/** All of standard input as text, without the line break that ends it. @throws ParleyError `usage` */
export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
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

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a stanza prints. At level `NONE` nothing is printed at all, except errors. */
export class Output {
  level: LogLevel = 'DEBUG';
  #text = '';

  get quiet(): boolean {
    return this.level === 'NONE';
  }

  write(text: string): void {
    if (!this.quiet) this.#text += text;
  }

  log(level: LogLevel, text: string): void {
    if (LOG_LEVELS.indexOf(this.level) <= LOG_LEVELS.indexOf(level)) this.write(`${level} ${text}\n`);
  }

  /** Runs `print` and indents all that it writes. */
  indented(print: () => void): void {
    const before = this.#text;
    this.#text = '';
    print();
    const lines = this.#text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    this.#text = before + lines.map((line) => `  ${line}\n`).join('');
  }

  /** Returns all that was written, and begins anew. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
